"""OpenAI's answers, errors and lists of models, as its SDKs read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.types import ChatChunk, Choice, Usage
from gateway import errors
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.models import Model
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import json_encode


class ChatEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, include_usage: bool = False) -> None:
        self._call = call
        self._include_usage = include_usage
        self._started: set[int] = set()
        self._counted = Reply()
        """Of the events that tell of tokens: a document's pages, and the end of the answer."""
        self._head: dict[str, Any] = {}

    def reply(self, reply: Reply) -> bytes:
        choices = sorted(reply.choices, key=lambda choice: choice.index)
        return json_encode(
            {
                "id": f"chatcmpl-{self._call.request_id}",
                "object": "chat.completion",
                "created": reply.created,
                "model": reply.model,
                "choices": [_whole(choice) for choice in choices],
                "usage": usage_of(reply.usage),
            }
        )

    def event(self, event: Event) -> bytes:
        if event.usage is not None:
            self._counted.add(event)
        if isinstance(event, Progress):
            return b""
        if not self._head:
            self._head = self._make_head(event)
        choices = [self._delta(choice) for choice in event.choices if _says_something(choice)]
        return self._frame({"choices": choices}) if choices else b""

    def end(self) -> bytes:
        usage = b""
        if self._include_usage:
            usage = self._frame({"choices": [], "usage": usage_of(self._counted.usage)})
        return usage + b"data: [DONE]\n\n"

    def failure(self, error: GatewayError) -> bytes:
        return b"data: %b\n\ndata: [DONE]\n\n" % json_encode({"error": failure_of(error)})

    def _make_head(self, chunk: ChatChunk) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._call.request_id}",
            "object": "chat.completion.chunk",
            "created": chunk.created,
            "model": chunk.model,
        }

    def _frame(self, rest: dict[str, Any]) -> bytes:
        return b"data: %b\n\n" % json_encode(self._head | rest)

    def _delta(self, choice: Choice) -> dict[str, Any]:
        delta: dict[str, Any] = {}
        if choice.index not in self._started:
            self._started.add(choice.index)
            delta["role"] = "assistant"
        if choice.content or (not delta.get("tool_calls") and "role" in delta):
            delta["content"] = choice.content
        if choice.reasoning:
            delta["reasoning_content"] = choice.reasoning
        if choice.tool_calls:
            delta["tool_calls"] = choice.tool_calls
        return {
            "index": choice.index,
            "delta": delta,
            "logprobs": choice.logprobs,
            "finish_reason": choice.finish_reason,
        }


def _says_something(choice: Choice) -> bool:
    return bool(
        choice.content or choice.reasoning or choice.tool_calls or choice.finish_reason or choice.logprobs
    )


def _whole(choice: FoldedChoice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": None}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [
            {key: value for key, value in call.items() if key != "index"} for call in choice.tool_calls
        ]
        message["content"] = choice.content or None
    return {
        "index": choice.index,
        "message": message,
        "logprobs": {"content": choice.logprobs} if choice.logprobs else None,
        "finish_reason": choice.finish_reason or "stop",
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage`."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_NAMES = {
    errors.CONTENT.number: "content_policy_violation",
    errors.CONTEXT_TOO_LONG.number: "context_length_exceeded",
    errors.UNAUTHENTICATED.number: "invalid_api_key",
    errors.RATE_LIMITED.number: "rate_limit_exceeded",
    errors.QUOTA_SPENT.number: "insufficient_quota",
}


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode({"error": failure_of(error)})


def failure_of(error: GatewayError) -> dict[str, Any]:
    """The object under `error` in a refusal, shared by all of OpenAI's formats."""
    status = error.code.status
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    code = _NAMES.get(error.code.number, error.code.name)
    return {"message": error.message, "type": kind, "param": error.param, "code": code}


def models(models: Iterable[Model]) -> dict[str, Any]:
    """The body of `GET /v1/models`."""
    return {"object": "list", "data": [entry for model in models for entry in _entries(model)]}


def _entries(model: Model) -> list[dict[str, Any]]:
    return [model_entry(model, name) for name in (model.name, *model.aliases)]


def model_entry(model: Model, name: str) -> dict[str, Any]:
    """The body of `GET /v1/models/{name}`."""
    entry = {"id": name, "object": "model", "created": model.created, "owned_by": "qwen-vl-gateway"}
    if (limit := model.engine.info.max_context) is not None:
        entry["max_model_len"] = limit
    if model.parent is not None:
        entry["parent"] = model.parent
    return entry
