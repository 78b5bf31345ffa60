"""The gateway's own format: `POST /infer` and `POST /infer_stream`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.types import ChatRequest, Medium, Sampling
from gateway.call import Call, Lane, Plan, Ranges
from gateway.models import Model
from gateway.tasks import Task
from gateway.wire.base import Encoder, Intake, count, decode, invalid, medium_of
from gateway.wire.calls import model_for
from gateway.wire.tasked import held_to
from gateway.wire.tasks_body import TaskBody
from gateway.wire.tasks_reply import TaskEncoder, error

name = "tasks"
__all__ = ["error", "parse", "parse_stream"]

_RANGES = re.compile(r"\s*\d{1,6}\s*(-\s*\d{1,6}\s*)?(,\s*\d{1,6}\s*(-\s*\d{1,6}\s*)?)*")

_bodies = msgspec.json.Decoder(TaskBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    return _parse(body, intake, stream=False)


def parse_stream(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """As `parse`, for the path that always streams."""
    return _parse(body, intake, stream=True)


def _parse(body: bytes, intake: Intake, *, stream: bool) -> tuple[Call, Encoder]:
    request = decode(body, _bodies)
    task = intake.tasks.get(request.task)
    if task is None:
        raise invalid("task", f"there is no task of this name; there are {', '.join(intake.tasks)}.")
    media = _media(task, request, intake.uploads)
    _check(task, request, media)
    model = model_for(intake, request.model, task)
    lane: Lane = "video" if count(media, "video") else task.lane
    chats = _Chats(task, request, model, intake.request_id, stream or request.options.stream)
    call = Call(
        request_id=intake.request_id,
        chat=chats.whole(media),
        wire=name,
        task=task.name,
        lane=lane,
        deadline=intake.deadline(lane, request.options.timeout_ms),
        plan=chats.plan(),
        allow_degraded=request.options.allow_degraded,
        mask_pii=request.options.mask_pii,
    )
    return call, TaskEncoder(call, task, model.engine.info.experts_per_token)


def _media(task: Task, request: TaskBody, uploads: Mapping[str, bytes]) -> list[Medium]:
    options = request.options.of_media("options")
    media = [medium_of(source, options=options) for source in request.images]
    if request.video is not None:
        media.append(medium_of(request.video, "video", options))
    for medium in media:
        medium.data = uploads.get(medium.source)
    if task.lane == "video" and media and not count(media, "video"):
        return [Medium("video", "", options, parts=tuple(media))]
    return media


def _ranges(pages: str) -> Ranges:
    """Page ranges as people write them: `1-5,8`. Raises `GatewayError`."""
    if not pages.strip():
        return ()
    if not _RANGES.fullmatch(pages):
        raise invalid("options.pages", 'must be page numbers and ranges, as in "1-5,8".')
    ends = [[int(end) for end in part.split("-")] for part in pages.split(",")]
    ranges = tuple((part[0], part[-1]) for part in ends)
    if any(first < 1 or first > last for first, last in ranges):
        raise invalid("options.pages", "counts pages from 1, and upwards.")
    return ranges


def _check(task: Task, request: TaskBody, media: list[Medium]) -> None:
    """Raises `GatewayError` where the task cannot work on these media or this text."""
    limits = task.limits
    images = max(count(media, "image"), *(len(medium.parts) for medium in media), 0)
    if request.video is not None and not limits.max_videos:
        raise invalid("video", f"the task {task.name} takes no video.")
    if len(media) < limits.min_items:
        raise invalid("images", f"the task {task.name} needs at least {limits.min_items}.")
    if images > limits.max_images:
        raise invalid("images", f"the task {task.name} takes at most {limits.max_images}.")
    if count(media, "video") > limits.max_videos:
        raise invalid("images", f"the task {task.name} takes at most {limits.max_videos} videos.")
    if task.default_text is None and not request.text.strip():
        raise invalid("text", f"the task {task.name} needs a question.")


class _Chats:
    """Makes the chat requests of one task request."""

    def __init__(self, task: Task, request: TaskBody, model: Model, request_id: str, stream: bool) -> None:
        self._task, self._request, self._model = task, request, model
        self._id, self._stream = request_id, stream

    def whole(self, media: list[Medium]) -> ChatRequest:
        return self._chat(self._id, self._task.messages(self._request.text, media, self._request.system))

    def plan(self) -> Plan | None:
        """One request a page and one that joins them; `None` where one request does it all."""
        if self._task.plan != "pages":
            return None
        return Plan(self._page, self._summary, _ranges(self._request.options.pages))

    def _page(self, number: int, medium: Medium) -> ChatRequest:
        messages = self._task.messages(self._request.text, [medium], self._request.system)
        return self._chat(f"{self._id}-p{number}", messages, stream=False)

    def _summary(self, answers: Mapping[int, str]) -> ChatRequest:
        messages = self._task.summary_messages(self._request.text, answers, self._request.system)
        return self._chat(f"{self._id}-s", messages)

    def _chat(self, request_id: str, messages: Any, *, stream: bool | None = None) -> ChatRequest:
        return ChatRequest(
            id=request_id,
            model=self._model.name,
            messages=messages,
            sampling=self._sampling(),
            stream=self._stream if stream is None else stream,
            response_format=held_to(self._task),
            score=True,
        )

    def _sampling(self) -> Sampling:
        options, task = self._request.options, self._task
        return Sampling(
            max_tokens=options.max_tokens or task.max_tokens,
            temperature=task.temperature if options.temperature is None else options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            seed=options.seed,
            stop=options.stop,
        )
