"""Anthropic's answers and errors, as its SDK reads them."""

from __future__ import annotations

from typing import Any

from engine.types import Choice, FinishReason
from gateway.call import Call, Event, Progress
from gateway.errors import CONTENT, CONTEXT_TOO_LONG, GatewayError
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import json_encode, sse
from gateway.wire.parts import arguments

_STOP: dict[FinishReason | None, str] = {
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


class MessagesEncoder:
    """A stream is a message whose blocks are opened, filled and closed one after the other.

    Every event carries its name: the SDK passes over those that have none.
    """

    stream_type = "text/event-stream"

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reply = Reply()
        self._started = False
        self._open: tuple[str, int] | None = None
        """Kind of the open block, and the number of its tool call."""
        self._index = -1

    def reply(self, reply: Reply) -> bytes:
        message = self._message(reply.model) | {
            "content": _blocks(reply.first),
            "stop_reason": _stop_reason(reply.first),
            "usage": _usage(reply),
        }
        return json_encode(message)

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return b""
        return self._start(event.model) + b"".join(map(self._choice, event.choices))

    def end(self) -> bytes:
        delta = {"stop_reason": _stop_reason(self._reply.first), "stop_sequence": None}
        return b"".join(
            (
                self._start(self._reply.model),
                self._close(),
                _event("message_delta", delta=delta, usage=_usage(self._reply)),
                _event("message_stop"),
            )
        )

    def failure(self, error: GatewayError) -> bytes:
        return _event("error", error=_error(error), request_id=self._call.request_id)

    def _message(self, model: str) -> dict[str, Any]:
        return {
            "id": f"msg_{self._call.request_id}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "stop_sequence": None,
        }

    def _start(self, model: str) -> bytes:
        if self._started:
            return b""
        self._started = True
        empty: dict[str, Any] = {
            "content": [],
            "stop_reason": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        return _event("message_start", message=self._message(model) | empty)

    def _choice(self, choice: Choice) -> bytes:
        frames = b""
        if choice.reasoning:
            frames += self._enter("thinking", 0, {"thinking": "", "signature": ""})
            frames += self._delta("thinking_delta", thinking=choice.reasoning)
        if choice.content:
            frames += self._enter("text", 0, {"text": ""})
            frames += self._delta("text_delta", text=choice.content)
        for call in choice.tool_calls or ():
            function = call.get("function") or {}
            head: dict[str, Any] = {"id": call.get("id"), "name": function.get("name"), "input": {}}
            frames += self._enter("tool_use", call.get("index", 0), head)
            frames += self._delta("input_json_delta", partial_json=function.get("arguments") or "")
        return frames

    def _enter(self, kind: str, number: int, head: dict[str, Any]) -> bytes:
        if self._open == (kind, number):
            return b""
        closed = self._close()
        self._open, self._index = (kind, number), self._index + 1
        block = {"type": kind, **head}
        return closed + _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, kind: str, **delta: str) -> bytes:
        return _event("content_block_delta", index=self._index, delta={"type": kind, **delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._index)


def _stop_reason(choice: FoldedChoice) -> str:
    """OpenAI's engines call it a stop where the tool was named, for there was no choice but to call it."""
    called = choice.tool_calls and choice.finish_reason == "stop"
    return "tool_use" if called else _STOP.get(choice.finish_reason, "end_turn")


def _blocks(choice: FoldedChoice) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if choice.reasoning:
        blocks.append({"type": "thinking", "thinking": choice.reasoning, "signature": ""})
    if choice.content:
        blocks.append({"type": "text", "text": choice.content})
    for call in choice.tool_calls:
        function = call["function"]
        head = {"type": "tool_use", "id": call.get("id"), "name": function["name"]}
        blocks.append(head | {"input": arguments(call)})
    return blocks


def _usage(reply: Reply) -> dict[str, int]:
    """Anthropic counts what came from a cache apart from the input, not within it."""
    return {
        "input_tokens": reply.usage.prompt_tokens - reply.usage.cached_tokens,
        "output_tokens": reply.usage.completion_tokens,
        "cache_read_input_tokens": reply.usage.cached_tokens,
    }


def _event(kind: str, **rest: Any) -> bytes:
    return sse({"type": kind, **rest}, kind)


_TELLING = {
    CONTEXT_TOO_LONG.number: "prompt is too long: ",
    CONTENT.number: "blocked by content filtering policy: ",
}
"""Words of Anthropic's own by which clients tell apart what has one type."""
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode({"type": "error", "error": _error(error), "request_id": request_id})


def _error(error: GatewayError) -> dict[str, str]:
    kind, words = _TYPES.get(error.code.status, "api_error"), _TELLING.get(error.code.number, "")
    return {"type": kind, "message": words + error.message}
