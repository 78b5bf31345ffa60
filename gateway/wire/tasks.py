"""The gateway's own format: `POST /infer` and `POST /infer_stream`."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.types import ChatRequest, Medium, MediumOptions, Preprocess, Sampling
from gateway.call import Call, Event, Lane, Plan, Progress, Ranges
from gateway.errors import OVERLOADED, SUCCESS, GatewayError
from gateway.media.size import upright_size
from gateway.models import Model
from gateway.stream import Reply
from gateway.tasks import Task
from gateway.tasks.pixels import in_pixels
from gateway.wire.base import Encoder, Intake, count, decode, invalid, json_encode, medium_of
from gateway.wire.tasked import held_to

name = "tasks"

_DEGRADED = f"degraded: the model is overloaded, a smaller one answered (code {OVERLOADED.number})"
Pixel = Annotated[float, Meta(ge=0, le=100_000)]
_RANGES = re.compile(r"\s*\d{1,6}\s*(-\s*\d{1,6}\s*)?(,\s*\d{1,6}\s*(-\s*\d{1,6}\s*)?)*")


class Options(Struct, frozen=True):
    max_tokens: Annotated[int, Meta(ge=1, le=32768)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=1000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    stop: Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=8)] | None = (
        None
    )
    stream: bool = False
    timeout_ms: Annotated[int, Meta(ge=1, le=600_000)] | None = None
    allow_degraded: bool = True
    preprocess: Preprocess = "none"
    redact: Annotated[list[tuple[Pixel, Pixel, Pixel, Pixel]], Meta(max_length=256)] = []
    truncate_video: bool = False
    pages: Annotated[str, Meta(max_length=256)] = ""
    dpi: Annotated[int, Meta(ge=36, le=600)] | None = None
    mask_pii: bool = False


class TaskBody(Struct, frozen=True):
    """A request of the task API."""

    task: Annotated[str, Meta(max_length=64)]
    images: Annotated[list[str], Meta(max_length=64)] = []
    video: str | None = None
    text: Annotated[str, Meta(max_length=32768)] = ""
    system: Annotated[str, Meta(max_length=8192)] = ""
    model: Annotated[str, Meta(max_length=256)] | None = None
    options: Options = Options()
    background: bool = msgspec.field(default=False, name="async")


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
    model = intake.models.get(request.model)
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
        background=request.background,
        mask_pii=request.options.mask_pii,
    )
    return call, TaskEncoder(call, task, model.engine.info.experts_per_token)


def _media(task: Task, request: TaskBody, uploads: Mapping[str, bytes]) -> list[Medium]:
    options = _medium_options(request.options)
    media = [medium_of(source, options=options) for source in request.images]
    if request.video is not None:
        media.append(medium_of(request.video, "video", options))
    for medium in media:
        medium.data = uploads.get(medium.source)
    if task.lane == "video" and media and not count(media, "video"):
        return [Medium("video", "", options, parts=tuple(media))]
    return media


def _medium_options(options: Options) -> MediumOptions:
    for number, (left, top, right, bottom) in enumerate(options.redact):
        if left >= right or top >= bottom:
            raise invalid(f"options.redact[{number}]", "must be [x1, y1, x2, y2] with x1 < x2 and y1 < y2.")
    return MediumOptions(
        preprocess=options.preprocess,
        redact=tuple(options.redact),
        truncate=options.truncate_video,
        dpi=options.dpi,
    )


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


class TaskEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, task: Task, experts_per_token: int | None) -> None:
        self._call = call
        self._task = task
        self._experts_per_token = experts_per_token
        self._reply = Reply()
        self._index = 0

    def reply(self, reply: Reply) -> bytes:
        return json_encode(self._head() | {"result": self._result(reply)})

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return _frame(
                "progress",
                {"done": event.done, "total": event.total, "page": event.page, "answer": event.answer},
            )
        token = "".join(choice.content for choice in event.choices)
        if not token:
            return b""
        self._index += 1
        return _frame("token", {"token": token, "index": self._index - 1})

    def end(self) -> bytes:
        return _frame("final", self._head() | self._result(self._reply))

    def failure(self, error: GatewayError) -> bytes:
        return _frame("error", _envelope(self._call.request_id, error.code.number, error.message, None))

    def _head(self) -> dict[str, Any]:
        degraded = self._call.notes.degraded is not None
        code, msg = (OVERLOADED.number, _DEGRADED) if degraded else (SUCCESS.number, SUCCESS.name)
        return {"request_id": self._call.request_id, "code": code, "msg": msg}

    def _result(self, reply: Reply) -> dict[str, Any]:
        choice = reply.first
        confidence = choice.confidence
        result: dict[str, Any] = {
            "answer": choice.content,
            "confidence": None if confidence is None else round(confidence, 4),
        }
        if self._task.has_data:
            result["data"] = self._data(choice.content)
        if reply.pages:
            pages = sorted(reply.pages, key=lambda progress: progress.page)
            result["pages"] = [{"page": p.page, "answer": p.answer} for p in pages]
        result["metadata"] = self._metadata(reply)
        return result

    def _data(self, answer: str) -> Any:
        """The answer as data, and what it says of places in pixels of the original picture."""
        data = self._task.data(answer)
        media = self._call.media
        if not self._task.boxes or not isinstance(data, dict) or not media:
            return data
        size = upright_size(media[0])
        return data if size is None else data | in_pixels(data, size)

    def _metadata(self, reply: Reply) -> dict[str, Any]:
        measured = reply.experts is not None
        degraded = {"degraded": True} if self._call.notes.degraded is not None else {}
        return degraded | {
            "model": reply.model,
            "processing_time_ms": round((time.monotonic() - self._call.received) * 1000),
            "activated_experts": reply.experts if measured else self._experts_per_token,
            "activated_experts_source": "measured" if measured else "config",
            "input_tokens": reply.usage.prompt_tokens,
            "output_tokens": reply.usage.completion_tokens,
            "finish_reason": reply.first.finish_reason,
            "warnings": self._call.notices,
        }


def accepted(job_id: str, request_id: str) -> bytes:
    """What is said of a request that becomes a job."""
    job = {"job_id": job_id, "status": "queued", "url": f"/v1/jobs/{job_id}"}
    return json_encode(_envelope(request_id, SUCCESS.number, "accepted", job))


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode(_envelope(request_id, error.code.number, error.message, None))


def _envelope(request_id: str, code: int, msg: str, result: Any) -> dict[str, Any]:
    return {"request_id": request_id, "code": code, "msg": msg, "result": result}


def _frame(event: str, data: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.encode(), json_encode(data))
