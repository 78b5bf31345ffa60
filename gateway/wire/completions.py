"""OpenAI's legacy completions: the prompt is put to the model as a user's message."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.types import ChatRequest, Choice, Message, Sampling, Usage
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import Encoder, Intake, decode, invalid, json_encode
from gateway.wire.calls import call_of, target
from gateway.wire.openai_body import StreamOptions
from gateway.wire.openai_reply import error, failure_of, usage_of

name = "completions"
__all__ = ["error", "parse"]

_MAX_TOKENS = 16
"""OpenAI's own default for this format."""


class CompletionBody(Struct, frozen=True):
    """A request to `/v1/completions`. Fields that are not named here are passed over."""

    prompt: Annotated[str, Meta(min_length=1)] | Annotated[list[str], Meta(min_length=1, max_length=1)]
    model: Annotated[str, Meta(max_length=256)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: int | None = None


_bodies = msgspec.json.Decoder(CompletionBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    for field in ("echo", "suffix", "logprobs"):
        if getattr(request, field):
            raise invalid(field, "is not taken here; use chat completions.")
    asked = target(intake, request.model)
    chat = ChatRequest(
        id=intake.request_id,
        model=asked.model.name,
        messages=(Message(role="user", content="".join(request.prompt)),),
        sampling=Sampling(
            max_tokens=request.max_tokens or _MAX_TOKENS,
            temperature=request.temperature,
            top_p=request.top_p,
            n=request.n or 1,
            seed=request.seed,
            stop=[request.stop] if isinstance(request.stop, str) else request.stop,
            presence_penalty=request.presence_penalty,
            frequency_penalty=request.frequency_penalty,
        ),
        stream=bool(request.stream),
    )
    call = call_of(intake, chat, asked, name)
    return call, CompletionEncoder(
        call, bool(request.stream_options and request.stream_options.include_usage)
    )


class CompletionEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, include_usage: bool) -> None:
        self._call = call
        self._include_usage = include_usage
        self._reply = Reply()

    def reply(self, reply: Reply) -> bytes:
        choices = sorted(reply.choices, key=lambda choice: choice.index)
        return json_encode(self._body(reply, [_choice(c) for c in choices], reply.usage))

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return b""
        choices = [_choice(c) for c in event.choices if c.content or c.finish_reason]
        return self._frame(choices) if choices else b""

    def end(self) -> bytes:
        usage = self._frame([], self._reply.usage) if self._include_usage else b""
        return usage + b"data: [DONE]\n\n"

    def failure(self, error: GatewayError) -> bytes:
        return b"data: %b\n\ndata: [DONE]\n\n" % json_encode({"error": failure_of(error)})

    def _frame(self, choices: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        return b"data: %b\n\n" % json_encode(self._body(self._reply, choices, usage))

    def _body(self, reply: Reply, choices: list[dict[str, Any]], usage: Usage | None) -> dict[str, Any]:
        body = {
            "id": f"cmpl-{self._call.request_id}",
            "object": "text_completion",
            "created": reply.created,
            "model": reply.model,
            "choices": choices,
        }
        return body if usage is None else body | {"usage": usage_of(usage)}


def _choice(choice: Choice | FoldedChoice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "text": choice.content,
        "logprobs": None,
        "finish_reason": choice.finish_reason,
    }
