"""A chat put to a task: the task's role, defaults and schema go under what the client sent.

What the client set stays: its words and media where they stood, its sampling, its own schema.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.types import ChatRequest, Message, Part, Sampling, TextPart
from gateway.call import Plan
from gateway.tasks import Task
from gateway.wire.base import count, invalid

_SYSTEM = ("system", "developer")


def shape(chat: ChatRequest, task: Task) -> ChatRequest:
    """The chat as the task asks it. Raises `GatewayError` where the task cannot work on it."""
    _check(task, chat)
    system = _system(chat)
    *before, last = [m for m in chat.messages if m.role not in _SYSTEM] or [Message(role="user")]
    role, question = task.messages(_text(last), [], system)
    if not _text(last).strip():
        last = msgspec.structs.replace(last, content=(*_parts(last), *_parts(question)))
    return msgspec.structs.replace(
        chat,
        messages=(role, *before, last),
        sampling=_sampling(chat.sampling, task),
        response_format=chat.response_format or held_to(task),
    )


def plan_of(chat: ChatRequest, task: Task) -> Plan | None:
    """For a task that works page by page: the last words of the chat, asked of every page."""
    if task.plan != "pages":
        return None
    text, system = _text(chat.messages[-1]), _system(chat)

    def ask(suffix: str, messages: tuple[Message, ...], *, stream: bool) -> ChatRequest:
        return msgspec.structs.replace(
            chat,
            id=chat.id + suffix,
            messages=messages,
            stream=stream,
            sampling=_sampling(chat.sampling, task),
        )

    return Plan(
        lambda number, page: ask(f"-p{number}", task.messages(text, [page], system), stream=False),
        lambda answers: ask("-s", task.summary_messages(text, answers, system), stream=chat.stream),
    )


def held_to(task: Task) -> dict[str, Any] | None:
    """OpenAI's `response_format` for the task's schema."""
    if task.schema is None:
        return None
    return {
        "type": "json_schema",
        "json_schema": {"name": task.name, "schema": task.schema, "strict": True},
    }


def _sampling(sampling: Sampling, task: Task) -> Sampling:
    temperature = task.temperature if sampling.temperature is None else sampling.temperature
    return msgspec.structs.replace(
        sampling, max_tokens=sampling.max_tokens or task.max_tokens, temperature=temperature
    )


def _check(task: Task, chat: ChatRequest) -> None:
    limits, media = task.limits, chat.media
    if len(media) < limits.min_items:
        raise invalid("messages", f"the task {task.name} needs at least {limits.min_items} image or video.")
    if count(media, "image") > limits.max_images:
        raise invalid("messages", f"the task {task.name} takes at most {limits.max_images} images.")
    if count(media, "video") > limits.max_videos:
        raise invalid("messages", f"the task {task.name} takes at most {limits.max_videos} videos.")
    if task.default_text is None and not _text(chat.messages[-1]).strip():
        raise invalid("messages", f"the task {task.name} needs a question.")


def _system(chat: ChatRequest) -> str:
    return "\n\n".join(_text(message) for message in chat.messages if message.role in _SYSTEM)


def _parts(message: Message) -> tuple[Part, ...]:
    content = message.content
    if isinstance(content, tuple):
        return content
    return (TextPart(content),) if content else ()


def _text(message: Message) -> str:
    return "\n".join(part.text for part in _parts(message) if isinstance(part, TextPart))
