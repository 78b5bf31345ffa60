"""From a chat to a call: the model and task it asks for, its lane and its deadline.

Shared by the chat formats. A task is asked for behind the model's name
(`qwen3-vl-30b:chart_parse`), so that clients reach it which cannot set headers, or by the header
`X-Task`; the name wins.
"""

from __future__ import annotations

import msgspec

from engine.types import ChatRequest, Sampling
from gateway.call import Call, Lane
from gateway.errors import MODEL_NOT_FOUND, GatewayError
from gateway.models import Model
from gateway.tasks import Task
from gateway.wire.base import Intake, count, invalid
from gateway.wire.tasked import plan_of, shape
from gateway.wire.tools import check_form, check_tools

TASK_HEADER = "x-task"


class Target(msgspec.Struct, frozen=True):
    """Who is to answer, and as what."""

    model: Model
    task: Task | None


def target(intake: Intake, name: str | None) -> Target:
    """What a model's name asks for. Raises `GatewayError` where there is no such model or task."""
    base, task = _split(intake, name)
    task = task or _task_of_header(intake)
    return Target(model_for(intake, base, task), task)


def model_for(intake: Intake, name: str | None, task: Task | None) -> Model:
    """The named model; without a name the task's own, or the default one. Raises `GatewayError`.

    Below `/m/{served}/` only that model is there, under all its names.
    """
    served = intake.path.get("served")
    if served is None:
        return intake.models.get(name or (task.model if task else None))
    model = intake.models.get(served)
    if name and intake.models.get(name) is not model:
        raise GatewayError(MODEL_NOT_FOUND, f"The model {name[:100]!r} is not served here.", param="model")
    return model


def call_of(intake: Intake, chat: ChatRequest, target: Target, wire: str) -> Call:
    """The call for a chat, shaped by its task, if any. Raises `GatewayError`."""
    if not any(message.content or message.tool_calls for message in chat.messages):
        raise invalid("messages", "hold neither text nor media.")
    check_tools(chat.tools, chat.tool_choice)
    check_form(chat.response_format)
    if not chat.tools:
        chat = msgspec.structs.replace(chat, tool_choice=None)
    task, plan = target.task, None
    if task is not None:
        plan = plan_of(chat, task)
        chat = shape(chat, task)
    own: Lane = task.lane if task is not None else "interactive"
    lane: Lane = "video" if count(chat.media, "video") else own
    return Call(
        request_id=intake.request_id,
        chat=chat,
        wire=wire,
        task=task.name if task is not None else "",
        lane=lane,
        deadline=intake.deadline(lane),
        plan=plan,
    )


def counted(chat: ChatRequest) -> ChatRequest:
    """A chat whose answer does not matter, only how many tokens the engine reads in it."""
    return msgspec.structs.replace(chat, stream=False, sampling=Sampling(max_tokens=1, temperature=0))


def _split(intake: Intake, name: str | None) -> tuple[str | None, Task | None]:
    base, colon, suffix = (name or "").rpartition(":")
    if colon and suffix in intake.tasks:
        return base, intake.tasks[suffix]
    return name, None


def _task_of_header(intake: Intake) -> Task | None:
    name = intake.headers.get(TASK_HEADER)
    if not name:
        return None
    if name not in intake.tasks:
        raise invalid("X-Task", f"there is no task of this name; there are {', '.join(intake.tasks)}.")
    return intake.tasks[name]
