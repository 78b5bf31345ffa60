"""Refuses prompts and pictures that the content policy does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.types import ChatRequest, Message, TextPart
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
            await self._safety.check_texts(texts(call.chat), "prompt", call.request_id)
        if call.media:
            await self._safety.check_media(call.media, call.request_id)


def texts(chat: ChatRequest) -> Iterator[str]:
    """Everything that reaches the model as text, or decides what it may write."""
    for message in chat.messages:
        yield from _said(message)
    yield from _strings(chat.tools)
    yield from _strings((chat.response_format or {}).get("json_schema"))


def _said(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        yield from (part.text for part in message.content or () if isinstance(part, TextPart))
    for call in message.tool_calls or ():
        function = call.get("function")
        if isinstance(function, dict):
            yield from _strings(function | {"arguments": _decoded(function.get("arguments"))})


def _decoded(arguments: Any) -> Any:
    """The arguments of a call as the model sees them: without the escapes that could hide a word."""
    try:
        return msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
    except (msgspec.DecodeError, RecursionError):
        return arguments


def _strings(value: Any) -> Iterator[str]:
    """Every string in decoded JSON, names included, in the order in which they stand; however deep it is."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(fields):
                waiting.extend(part for pair in reversed(fields.items()) for part in reversed(pair))
            case list(items):
                waiting.extend(reversed(items))
