"""Refuses prompts and pictures that the content policy does not allow."""

from __future__ import annotations

from collections.abc import Iterator

from engine.types import ChatRequest, TextPart
from gateway.call import Call, Events
from gateway.stages.base import Handler, Services


class InputFilter:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._safety = services.safety
        self._tracing = services.telemetry.tracing

    async def __call__(self, call: Call) -> Events:
        if self._safety.judges_text or call.media:
            with self._tracing.span("input_filter"):
                await self._check(call)
        return await self._inner(call)

    async def _check(self, call: Call) -> None:
        if self._safety.judges_text:
            await self._safety.check_texts(_texts(call.chat), "prompt", call.request_id)
        if call.media:
            await self._safety.check_media(call.media, call.request_id)


def _texts(chat: ChatRequest) -> Iterator[str]:
    for message in chat.messages:
        if isinstance(message.content, str):
            yield message.content
        for part in message.content or ():
            if isinstance(part, TextPart):
                yield part.text
