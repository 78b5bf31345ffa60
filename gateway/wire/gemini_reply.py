"""Gemini's answers and errors, as Google's SDKs read them."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.types import Choice, FinishReason
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import json_encode, sse
from gateway.wire.parts import arguments

_FINISH: dict[FinishReason | None, str] = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}


class GeminiEncoder:
    """A stream is of events, or one JSON array that comes bit by bit.

    Events hold `data:` alone: a name, a comment or an end mark breaks Google's SDK. With `as_word`, the
    answer is a JSON string of which only the value is given, and so comes whole.
    """

    def __init__(self, call: Call, include_thoughts: bool, *, as_events: bool, as_word: bool = False) -> None:
        self.stream_type = "text/event-stream" if as_events else "application/json"
        self._as_events = as_events
        self._as_word = as_word
        self._begun = False
        self._call = call
        self._include_thoughts = include_thoughts
        self._reply = Reply()

    def reply(self, reply: Reply) -> bytes:
        self._reply = reply
        choices = sorted(reply.choices, key=lambda choice: choice.index)
        return json_encode(self._response([self._whole(choice) for choice in choices], last=True))

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return b""
        said = [(choice.index, parts) for choice in event.choices if (parts := self._words(choice))]
        return self._frame(self._response([_candidate(i, parts) for i, parts in said])) if said else b""

    def end(self) -> bytes:
        """Reasons and usage, and what this format gives whole."""
        closing = [
            _candidate(c.index, self._at_once(c) or [{"text": ""}], c.finish_reason or "stop")
            for c in self._reply.choices
        ]
        return self._frame(self._response(closing, last=True), last=True)

    def failure(self, error: GatewayError) -> bytes:
        return self._frame(_error(error), last=True)

    def _frame(self, data: dict[str, Any], *, last: bool = False) -> bytes:
        if self._as_events:
            return sse(data)
        head = b",\n" if self._begun else b"["
        self._begun = True
        return head + json_encode(data) + (b"]" if last else b"")

    def _whole(self, choice: FoldedChoice) -> dict[str, Any]:
        parts = [*self._words(choice), *self._at_once(choice)]
        return _candidate(choice.index, parts, choice.finish_reason or "stop")

    def _words(self, choice: Choice | FoldedChoice) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if choice.reasoning and self._include_thoughts:
            parts.append({"text": choice.reasoning, "thought": True})
        if choice.content and not self._as_word:
            parts.append({"text": choice.content})
        return parts

    def _at_once(self, choice: FoldedChoice) -> list[dict[str, Any]]:
        """A value that is a word, and calls of functions."""
        word = [{"text": _unquoted(choice.content)}] if self._as_word and choice.content else []
        return [*word, *_calls(choice)]

    def _response(self, candidates: list[dict[str, Any]], *, last: bool = False) -> dict[str, Any]:
        usage = self._reply.usage
        response: dict[str, Any] = {
            "candidates": candidates,
            "modelVersion": self._reply.model,
            "responseId": self._call.request_id,
        }
        if last:
            response["usageMetadata"] = {
                "promptTokenCount": usage.prompt_tokens,
                "candidatesTokenCount": usage.completion_tokens,
                "totalTokenCount": usage.total_tokens,
                "cachedContentTokenCount": usage.cached_tokens,
            }
        return response


def _candidate(index: int, parts: list[dict[str, Any]], finish: FinishReason | None = None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": index, "content": {"role": "model", "parts": parts}}
    return candidate | {"finishReason": _FINISH.get(finish, "STOP")} if finish else candidate


def _unquoted(text: str) -> str:
    try:
        return msgspec.json.decode(text, type=str)
    except msgspec.DecodeError:
        return text.strip().removeprefix('"')  # broke off, or the model was held to nothing


def _calls(choice: FoldedChoice) -> list[dict[str, Any]]:
    return [
        {"functionCall": {"id": call.get("id"), "name": call["function"]["name"], "args": arguments(call)}}
        for call in choice.tool_calls
    ]


_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode(_error(error))


def _error(error: GatewayError) -> dict[str, Any]:
    status = error.code.status
    return {"error": {"code": status, "message": error.message, "status": _STATUS.get(status, "INTERNAL")}}
