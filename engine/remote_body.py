"""A `ChatRequest` as the body of OpenAI's `POST chat/completions`, media included.

Media go out as bytes in data URLs, never as addresses: what the gateway has checked is what
the other server sees. A picture that was changed on its way (turned, scaled, redacted …) goes out
as PNG, any other as the file that came: writing a 1080p PNG takes 0.1 s of a core.
"""

from __future__ import annotations

import asyncio
import io
from typing import Any

import msgspec
import pybase64
from PIL import Image

from engine.types import ChatRequest, Medium, Message, Part, TextPart

_encode = msgspec.json.Encoder().encode
_AT_ONCE = 1_000_000
"""Bytes of media up to which writing them as base64 takes less time than handing the work to a thread."""
_AS_THEY_ARE = ("response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort")


async def body_of(request: ChatRequest, model: str) -> bytes:
    """The body for a server that calls the model `model`."""
    media = request.media
    light = all(medium.as_sent for medium in media) and sum(len(m.data or b"") for m in media) <= _AT_ONCE
    return _body(request, model) if light else await asyncio.to_thread(_body, request, model)


def _body(request: ChatRequest, model: str) -> bytes:
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "stream": request.stream,
        **msgspec.to_builtins(request.sampling),
    }
    if request.score and not request.sampling.logprobs:
        body["logprobs"] = True
    for name in _AS_THEY_ARE:
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.stream:
        body["stream_options"] = {"include_usage": True}
    return _encode(body)


def _message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role}
    content = message.content
    out["content"] = [_part(part) for part in content] if isinstance(content, tuple) else content
    for name in ("name", "tool_calls", "tool_call_id"):
        if (value := getattr(message, name)) is not None:
            out[name] = value
    return out


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    medium = part.medium
    if medium.kind == "image":
        return {"type": "image_url", "image_url": {"url": _image(medium)}}
    return {"type": "video_url", "video_url": {"url": _clip(medium)}}


def _image(medium: Medium) -> msgspec.Raw:
    """A data URL, written as JSON already: base64 needs no escapes, and there is much of it."""
    if medium.as_sent and medium.data is not None:
        return msgspec.Raw(
            b'"data:%b;base64,%b"' % (medium.as_sent.encode(), pybase64.b64encode(medium.data))
        )
    return msgspec.Raw(b'"data:image/png;base64,%b"' % pybase64.b64encode(_png(medium.frames[0])))


def _clip(medium: Medium) -> msgspec.Raw:
    """Frames in the form that vLLM and SGLang read as a video of one frame a second."""
    frames = b",".join(pybase64.b64encode(_png(frame)) for frame in medium.frames)
    return msgspec.Raw(b'"data:video/jpeg;base64,%b"' % frames)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
