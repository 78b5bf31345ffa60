"""From an answered call to what is written of it. The second half may take its time: it is for a thread."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from engine.types import ChatRequest, MediaPart, Medium, Message, TextPart
from gateway.archive import places
from gateway.archive.record import KeptChoice, KeptMedium, KeptPage, Record, Result
from gateway.call import Call, Event
from gateway.media import image
from gateway.models import Models
from gateway.safety.base import Safety
from gateway.safety.personal import mask
from gateway.settings import Settings
from gateway.stream import Reply
from gateway.tasks import Task

_encode = msgspec.json.encode


class Answered(msgspec.Struct, frozen=True):
    """All that is needed of a call, and no more: decoded pictures would fill the memory."""

    call: Call
    chat: ChatRequest
    """The question; its media have their bytes, but no frames."""
    events: Sequence[Event]
    """The answer as it came."""
    ended: float
    """In seconds since 1970."""
    bytes: int
    """Of its media."""


_EVENT = 450
"""Bytes in memory of one chunk of a streamed answer, about."""


class Composed(msgspec.Struct, frozen=True):
    """What is to be written of one answer."""

    folder: str
    ended: float
    objects: dict[str, bytes]
    """By path."""
    record: Record

    @property
    def line(self) -> bytes:
        return _encode(self.record) + b"\n"


def is_whole(reply: Reply) -> bool:
    """Whether an answer came to its end, and the content policy let it pass."""
    reasons = [choice.finish_reason for choice in reply.choices]
    return bool(reasons) and all(reasons) and "content_filter" not in reasons


def answered(call: Call, events: Sequence[Event]) -> Answered:
    """What the archive takes of a call at its end. Costs nothing that can be felt."""
    messages = tuple(_light_message(message) for message in call.chat.messages)
    chat = msgspec.structs.replace(call.chat, messages=messages)
    every = [part for medium in chat.media for part in (medium.parts or (medium,))]
    size = sum(len(medium.data or b"") for medium in every) + _EVENT * len(events)
    call = msgspec.structs.replace(call, chat=chat, plan=None, reserved=None)
    return Answered(call, chat, events, time.time(), size)


def _light_message(message: Message) -> Message:
    if not isinstance(message.content, tuple):
        return message
    parts = tuple(
        MediaPart(_light(part.medium)) if isinstance(part, MediaPart) else part for part in message.content
    )
    return msgspec.structs.replace(message, content=parts)


def _light(medium: Medium) -> Medium:
    parts = tuple(_light(part) for part in medium.parts)
    return msgspec.structs.replace(medium, source="", frames=(), timestamps=(), parts=parts)


class Composer:
    def __init__(self, settings: Settings, models: Models, tasks: Mapping[str, Task], safety: Safety) -> None:
        self._settings = settings
        self._models = models
        self._tasks = tasks
        self._policy_version = safety.policy_version
        self._always_masked = safety.masks_answers

    def compose(self, answered: Answered) -> Composed | None:
        """Takes milliseconds, more where a picture is blackened again. `None` for an answer that is not
        whole: it is not kept."""
        reply = Reply()
        for event in answered.events:
            reply.add(event)
        if not is_whole(reply):
            return None
        call, folder = answered.call, places.folder_of(answered.call.tenant)
        objects: dict[str, bytes] = {}
        media = [self._medium(medium, folder, objects) for medium in answered.chat.media]
        masked = call.mask_pii or self._always_masked
        result = self._result(answered, reply, media, masked=masked)
        digest, data = result.encode()
        objects[places.result(folder, digest)] = data
        record = Record(
            request_id=call.request_id,
            time=answered.ended,
            tenant=call.tenant,
            key=call.principal.key,
            wire=call.wire,
            task=call.task,
            lane=call.lane,
            stream=call.stream,
            model=call.chat.model,
            answered_by=result.model,
            revision=result.revision,
            prompt_version=result.prompt_version,
            policy_version=result.policy_version,
            cache=call.notes.cache,
            degraded=call.notes.degraded,
            masked=masked,
            confidence=reply.first.confidence,
            input_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.completion_tokens,
            media=[medium.sha256 for medium in media],
            originals=sorted({places.digest_of(path) for path in objects if f"/{places.ORIGINALS}/" in path}),
            result=digest,
        )
        return Composed(folder, answered.ended, objects, record)

    def _result(self, answered: Answered, reply: Reply, media: list[KeptMedium], *, masked: bool) -> Result:
        call, chat = answered.call, answered.chat
        model = call.bill.model or chat.model
        clean = mask if masked else _as_it_is
        return Result(
            task=call.task,
            model=model,
            revision=self._models.get(model).revision,
            prompt_version=self._tasks[call.task].version if call.task else "",
            policy_version=self._policy_version,
            messages=[_message(message, places_of_media(chat), clean) for message in chat.messages],
            media=media,
            sampling=msgspec.to_builtins(chat.sampling),
            response_format=chat.response_format,
            tools=chat.tools,
            choices=[
                KeptChoice(choice.content, choice.reasoning, choice.tool_calls, choice.finish_reason)
                for choice in sorted(reply.choices, key=lambda choice: choice.index)
            ],
            pages=[
                KeptPage(page.page, page.answer) for page in sorted(reply.pages, key=lambda page: page.page)
            ],
        )

    def _medium(self, medium: Medium, folder: str, objects: dict[str, bytes]) -> KeptMedium:
        """What is said of a medium; its bytes are added to `objects`."""
        data = self._bytes(medium)
        original = None
        if data:
            original = sha256(data).hexdigest() if data is not medium.data else medium.sha256
            objects[places.original(folder, original or "")] = data
        return KeptMedium(
            medium.kind,
            medium.sha256 or "",
            len(medium.data or b""),
            medium.mime,
            original,
            msgspec.to_builtins(medium.options),
            tuple(self._medium(part, folder, objects) for part in medium.parts),
        )

    def _bytes(self, medium: Medium) -> bytes | None:
        """What is kept of a medium. What a client had blackened is not kept as it was: of a picture there
        is the blackened one, of anything else nothing."""
        if not medium.options.redact:
            return medium.data
        if medium.kind != "image" or medium.data is None:
            return None
        buffer = io.BytesIO()
        image.decode(medium.data, medium.options, self._settings.media).save(buffer, "PNG")
        return buffer.getvalue()


def places_of_media(chat: ChatRequest) -> dict[int, int]:
    """Each medium's place among all of the question, by its identity."""
    return {id(medium): place for place, medium in enumerate(chat.media)}


def _message(message: Message, found: Mapping[int, int], clean: Any) -> dict[str, Any]:
    content: Any = message.content
    if isinstance(content, str):
        content = clean(content)
    elif content is not None:
        content = list(_parts(message, found, clean))
    extra = {
        name: value
        for name in ("name", "tool_calls", "tool_call_id")
        if (value := getattr(message, name)) is not None
    }
    return {"role": message.role, "content": content, **extra}


def _parts(message: Message, found: Mapping[int, int], clean: Any) -> Iterator[dict[str, Any]]:
    for part in message.content or ():
        if isinstance(part, TextPart):
            yield {"type": "text", "text": clean(part.text)}
        elif isinstance(part, MediaPart):
            yield {"type": part.medium.kind, "medium": found[id(part.medium)]}


def _as_it_is(text: str) -> str:
    return text
