"""Answers and errors of the gateway's own format."""

from __future__ import annotations

import time
from typing import Any

from gateway.call import Call, Event, Progress
from gateway.errors import OVERLOADED, SUCCESS, GatewayError
from gateway.media.size import upright_size
from gateway.stream import Reply
from gateway.tasks import Task
from gateway.tasks.pixels import in_pixels
from gateway.wire.base import json_encode

_DEGRADED = f"degraded: the model is overloaded, a smaller one answered (code {OVERLOADED.number})"


class TaskEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, task: Task, experts_per_token: int | None) -> None:
        self._call = call
        self._task = task
        self._experts_per_token = experts_per_token
        self._reply = Reply()
        self._next = {"reasoning": 0, "token": 0}

    def reply(self, reply: Reply) -> bytes:
        return json_encode(self._head() | {"result": self._result(reply)})

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return _frame(
                "progress",
                {"done": event.done, "total": event.total, "page": event.page, "answer": event.answer},
            )
        thoughts = "".join(choice.reasoning for choice in event.choices)
        token = "".join(choice.content for choice in event.choices)
        return self._token("reasoning", thoughts) + self._token("token", token)

    def _token(self, kind: str, token: str) -> bytes:
        if not token:
            return b""
        self._next[kind] += 1
        return _frame(kind, {"token": token, "index": self._next[kind] - 1})

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
        if choice.reasoning:
            result["reasoning"] = choice.reasoning
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
        bill = self._call.bill
        cost = {} if bill.amount is None else {"cost": {"amount": bill.amount, "currency": bill.currency}}
        return degraded | {
            "model": reply.model,
            "processing_time_ms": round((time.monotonic() - self._call.received) * 1000),
            "activated_experts": reply.experts if measured else self._experts_per_token,
            "activated_experts_source": "measured" if measured else "config",
            "input_tokens": reply.usage.prompt_tokens,
            "output_tokens": reply.usage.completion_tokens,
            "finish_reason": reply.first.finish_reason,
            "warnings": self._call.notices,
            **cost,
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
