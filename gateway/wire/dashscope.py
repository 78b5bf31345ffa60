"""DashScope's multimodal generation, as Alibaba Cloud's SDK sends and reads it.

A stream is asked for by the header `X-DashScope-SSE: enable`. Each event holds the whole answer so
far, unless `parameters.incremental_output` is true.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import msgspec
from msgspec import Struct

from engine.types import ChatRequest, MediaPart, Medium, Message, Part, Sampling, TextPart
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import Encoder, Intake, decode, invalid, json_encode, medium_of
from gateway.wire.calls import Target, call_of, target
from gateway.wire.dashscope_body import DashBody, DashMessage, Item, Parameters

name = "dashscope"

ASYNC_HEADER = "x-dashscope-async"
"""`enable` asks for a task to be polled in place of the answer."""

_bodies = msgspec.json.Decoder(DashBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    asked = target(intake, request.model)
    stream = intake.headers.get("x-dashscope-sse", "").lower() == "enable"
    call = call_of(intake, _chat(request, asked, intake.request_id, stream), asked, name)
    call.background = intake.headers.get(ASYNC_HEADER, "").lower() == "enable"
    return call, DashEncoder(call, bool(request.parameters and request.parameters.incremental_output))


def _chat(request: DashBody, asked: Target, request_id: str, stream: bool) -> ChatRequest:
    given = request.parameters or Parameters()
    return ChatRequest(
        id=request_id,
        model=asked.model.name,
        messages=tuple(_message(message) for message in request.input.messages),
        sampling=Sampling(
            max_tokens=given.max_tokens,
            temperature=given.temperature,
            top_p=given.top_p,
            top_k=given.top_k,
            seed=given.seed,
            stop=[given.stop] if isinstance(given.stop, str) else given.stop,
            n=given.n or 1,
            presence_penalty=given.presence_penalty,
            repetition_penalty=given.repetition_penalty,
        ),
        stream=stream,
        response_format=given.response_format,
        tools=given.tools or None,
        tool_choice=given.tool_choice if given.tools else None,
    )


def _message(message: DashMessage) -> Message:
    content = message.content
    return Message(
        role=message.role,
        content=tuple(map(_part, content)) if isinstance(content, list) else content,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
    )


def _part(item: Item) -> Part:
    if item.image is not None:
        return MediaPart(medium_of(item.image, "image"))
    if isinstance(item.video, list):
        frames = tuple(medium_of(frame, "image") for frame in item.video)
        return MediaPart(Medium("video", "", parts=frames))
    if item.video is not None:
        return MediaPart(medium_of(item.video, "video"))
    if item.audio is not None:
        raise invalid("input.messages", "the model does not hear; audio is not taken.")
    return TextPart(item.text or "")


class DashEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, incremental: bool) -> None:
        self._call = call
        self._incremental = incremental
        self._reply = Reply()
        self._sent = 0

    def reply(self, reply: Reply) -> bytes:
        choices = sorted(reply.choices, key=lambda choice: choice.index)
        return json_encode(self._body([_choice(c, c.finish_reason or "stop") for c in choices], reply))

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return b""
        if not any(c.content or c.reasoning or c.tool_calls for c in event.choices):
            return b""
        shown = Reply() if self._incremental else self._reply
        if self._incremental:
            shown.add(event)
        return self._frame("result", 200, self._body([_choice(c, "null") for c in shown.choices]))

    def end(self) -> bytes:
        whole = self._reply.choices
        last = [FoldedChoice(choice.index) for choice in whole] if self._incremental else whole
        choices = [_choice(shown, c.finish_reason or "stop") for shown, c in zip(last, whole, strict=True)]
        return self._frame("result", 200, self._body(choices, self._reply))

    def failure(self, error: GatewayError) -> bytes:
        return self._frame("error", error.code.status, _error(error, self._call.request_id))

    def _frame(self, event: str, status: int, data: Any) -> bytes:
        """Without a space behind the colons: with one, the SDK takes an error for a result."""
        self._sent += 1
        head = f"id:{self._sent}\nevent:{event}\n:HTTP_STATUS/{status}\n".encode()
        return b"%bdata:%b\n\n" % (head, json_encode(data))

    def _body(self, choices: list[dict[str, Any]], complete: Reply | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"request_id": self._call.request_id, "output": {"choices": choices}}
        if choices:  # the oldest scripts read the bare text
            content = choices[0]["message"]["content"]
            body["output"] |= {"text": content[0]["text"] if content else ""}
            body["output"] |= {"finish_reason": choices[0]["finish_reason"]}
        if complete is not None:
            body["usage"] = self._usage(complete)
        return body

    def _usage(self, reply: Reply) -> dict[str, int]:
        frames = [frame for medium in self._call.media for frame in medium.frames]
        return {
            "input_tokens": reply.usage.prompt_tokens,
            "output_tokens": reply.usage.completion_tokens,
            "total_tokens": reply.usage.total_tokens,
            "image_tokens": sum(max(1, round(f.width / 32)) * max(1, round(f.height / 32)) for f in frames),
        }


def _choice(choice: FoldedChoice, finish: str) -> dict[str, Any]:
    """The string "null" is how this format says that more is to come."""
    message: dict[str, Any] = {"role": "assistant", "content": [{"text": choice.content}]}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = choice.tool_calls
        finish = "tool_calls" if finish == "stop" else finish
    return {"index": choice.index, "finish_reason": finish, "message": message}


def accepted(task_id: str, request_id: str) -> bytes:
    """What is said of a request that becomes a task."""
    return json_encode({"request_id": request_id, "output": {"task_id": task_id, "task_status": "PENDING"}})


class TaskState(Struct, frozen=True):
    """What is known of an asynchronous task. Times are Unix milliseconds."""

    id: str
    status: Literal["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELED"]
    submitted: int
    started: int | None = None
    ended: int | None = None
    result: bytes = b""
    """The reply as `DashEncoder` made it; empty while there is none."""
    code: str = ""
    message: str = ""


def task_state(state: TaskState, request_id: str) -> bytes:
    """The body of `GET /api/v1/tasks/{id}`: the answer lies beside the state of the task."""
    output: dict[str, Any] = {"task_id": state.id, "task_status": state.status}
    times = {"submit_time": state.submitted, "scheduled_time": state.started, "end_time": state.ended}
    output |= {name: _time(value) for name, value in times.items() if value is not None}
    if state.code:
        output |= {"code": state.code, "message": state.message}
    body: dict[str, Any] = {"request_id": request_id, "output": output}
    if state.result:
        reply = msgspec.json.decode(state.result)
        body["output"] = output | reply["output"]
        body["usage"] = reply["usage"]
    return json_encode(body)


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, _CHINA)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{milliseconds % 1000:03}"


def code_of(status: int) -> str:
    """DashScope's code for an HTTP status."""
    return _CODES.get(status, "InternalError")


_CHINA = timezone(timedelta(hours=8))
"""DashScope writes times as of Beijing."""
_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    408: "RequestTimeOut",
    413: "InvalidParameter.DataTooLarge",
    429: "Throttling.RateQuota",
    503: "ServiceUnavailable",
    504: "RequestTimeOut",
}


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode(_error(error, request_id))


def _error(error: GatewayError, request_id: str) -> dict[str, str]:
    code = code_of(error.code.status)
    if error.code.name == "content":
        code = "DataInspectionFailed"
    return {"code": code, "message": error.message, "request_id": request_id}
