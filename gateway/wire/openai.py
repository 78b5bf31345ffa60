"""OpenAI's chat completions, as its SDKs send and read them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.types import ChatChunk, ChatRequest, Choice, MediaPart, Message, Part, Sampling, TextPart, Usage
from gateway import errors
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.models import Model
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import Encoder, Intake, decode, invalid, json_encode, medium_of
from gateway.wire.calls import call_of, target
from gateway.wire.openai_body import (
    ChatBody,
    ChatMessage,
    Content,
    ImageContent,
    RefusalContent,
    TextContent,
    Url,
    VideoContent,
)

name = "openai"

_bodies = msgspec.json.Decoder(ChatBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    _check(request)
    asked = target(intake, request.model)
    call = call_of(intake, _chat(request, asked.model, intake.request_id), asked, name)
    include_usage = bool(request.stream_options and request.stream_options.include_usage)
    return call, ChatEncoder(call, include_usage)


def _check(request: ChatBody) -> None:
    if request.top_logprobs and not request.logprobs:
        raise invalid("top_logprobs", "needs logprobs to be true.")
    _check_tools(request)
    if (form := request.response_format) and form.get("type") not in ("text", "json_object", "json_schema"):
        raise invalid("response_format.type", "must be text, json_object or json_schema.")
    if (form := request.response_format) and form["type"] == "json_schema":
        schema = form.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
            raise invalid("response_format.json_schema", "must hold a schema.")


def _check_tools(request: ChatBody) -> None:
    names = {_function_name(tool) for tool in request.tools or ()}
    if None in names:
        raise invalid("tools", "must be functions, each with a name.")
    choice = request.tool_choice
    if choice is None or choice == "none":
        return
    if not names:
        raise invalid("tool_choice", "needs tools.")
    known = choice in ("auto", "required") if isinstance(choice, str) else _function_name(choice) in names
    if not known:
        raise invalid("tool_choice", "must be none, auto, required or one of the tools.")


def _function_name(tool: dict[str, Any]) -> str | None:
    """The name in `{"type": "function", "function": {"name": …}}`; `None` where there is none."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None


def _chat(request: ChatBody, model: Model, request_id: str) -> ChatRequest:
    stop = [request.stop] if isinstance(request.stop, str) else request.stop
    return ChatRequest(
        id=request_id,
        model=model.name,
        messages=tuple(_message(message) for message in request.messages),
        sampling=Sampling(
            max_tokens=request.max_completion_tokens or request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            min_p=request.min_p,
            seed=request.seed,
            stop=stop,
            n=request.n or 1,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
            repetition_penalty=request.repetition_penalty,
            logit_bias=request.logit_bias,
            logprobs=bool(request.logprobs),
            top_logprobs=request.top_logprobs,
            ignore_eos=bool(request.ignore_eos),
        ),
        stream=bool(request.stream),
        response_format=request.response_format,
        tools=request.tools or None,
        tool_choice=request.tool_choice,
        parallel_tool_calls=request.parallel_tool_calls,
        reasoning_effort=request.reasoning_effort,
    )


def _message(message: ChatMessage) -> Message:
    content = message.content
    return Message(
        role=message.role,
        content=tuple(_part(part) for part in content) if isinstance(content, list) else content,
        name=message.name,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
    )


def _part(part: Content) -> Part:
    if isinstance(part, TextContent):
        return TextPart(part.text)
    if isinstance(part, RefusalContent):
        return TextPart(part.refusal)
    if isinstance(part, ImageContent):
        return MediaPart(medium_of(_address(part.image_url), "image"))
    if isinstance(part, VideoContent):
        return MediaPart(medium_of(_address(part.video_url), "video"))
    raise invalid("messages", "the model does not hear; input_audio is not taken.")


def _address(url: Url | str) -> str:
    """Some clients send the bare address in place of the object that holds it."""
    return url if isinstance(url, str) else url.url


class ChatEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, include_usage: bool = False) -> None:
        self._call = call
        self._include_usage = include_usage
        self._started: set[int] = set()
        self._usage: Usage | None = None
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
                "usage": _usage(reply.usage),
            }
        )

    def event(self, event: Event) -> bytes:
        if isinstance(event, Progress):
            return b""
        if not self._head:
            self._head = self._make_head(event)
        self._usage = event.usage or self._usage
        choices = [self._delta(choice) for choice in event.choices if _says_something(choice)]
        return self._frame({"choices": choices}) if choices else b""

    def end(self) -> bytes:
        usage = b""
        if self._include_usage:
            usage = self._frame({"choices": [], "usage": _usage(self._usage or Usage())})
        return usage + b"data: [DONE]\n\n"

    def failure(self, error: GatewayError) -> bytes:
        return b"data: %b\n\ndata: [DONE]\n\n" % json_encode({"error": _error(error)})

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


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


_TYPES = {403: "permission_error", 429: "rate_limit_error"}
_NAMES = {
    errors.CONTENT.number: "content_policy_violation",
    errors.CONTEXT_TOO_LONG.number: "context_length_exceeded",
    errors.UNAUTHENTICATED.number: "invalid_api_key",
    errors.RATE_LIMITED.number: "rate_limit_exceeded",
    errors.QUOTA_SPENT.number: "insufficient_quota",
}


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode({"error": _error(error)})


def _error(error: GatewayError) -> dict[str, Any]:
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
    return entry
