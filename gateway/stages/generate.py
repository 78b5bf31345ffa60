"""The innermost stage: the engine that the model has for this lane answers."""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from engine.base import Engine
from engine.types import ChatChunk
from gateway.call import Call, Events
from gateway.stages.base import Services
from gateway.telemetry.tracing import Attributes, Span


class Generate:
    def __init__(self, services: Services) -> None:
        self._models = services.models
        self._tracing = services.telemetry.tracing

    async def __call__(self, call: Call) -> Events:
        engine = self._models.get(call.chat.model).pool(call.lane).engine
        if self._tracing.enabled:
            return self._traced(call, engine)
        call.chat = msgspec.structs.replace(call.chat, trace_headers=self._tracing.here().headers())
        return engine.generate(call.chat)

    async def _traced(self, call: Call, engine: Engine) -> Events:
        with self._tracing.generation(call.chat.model) as span:
            span.set(_asked(call))
            chat = msgspec.structs.replace(call.chat, trace_headers=span.headers())
            first = True
            async with aclosing(engine.generate(chat)) as chunks:
                async for chunk in chunks:
                    if first:
                        span.event("first chunk")
                        first = False
                    if chunk.usage is not None:
                        _answered(span, chunk)
                    yield chunk


def _asked(call: Call) -> Attributes:
    """OpenTelemetry's names for what a model is asked; never the prompt."""
    sampling = call.chat.sampling
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "qwen",
        "gen_ai.request.model": call.chat.model,
        "gen_ai.request.max_tokens": sampling.max_tokens,
        "gen_ai.request.temperature": sampling.temperature,
        "gen_ai.request.top_p": sampling.top_p,
        "gateway.lane": call.lane,
        "gateway.media": len(call.media),
    }


def _answered(span: Span, chunk: ChatChunk) -> None:
    assert chunk.usage is not None
    reasons = tuple(str(choice.finish_reason) for choice in chunk.choices if choice.finish_reason)
    span.set(
        {
            "gen_ai.response.model": chunk.model,
            "gen_ai.response.id": chunk.id,
            "gen_ai.usage.input_tokens": chunk.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": chunk.usage.completion_tokens,
            "gen_ai.response.finish_reasons": reasons or None,
        }
    )
