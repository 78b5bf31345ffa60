"""How many tokens a request may come to, before anything has read it.

Text is estimated on the high side: a digit is a token, and other text has at least three bytes a
token. Pictures are exact for Qwen3-VL: one token for 32 × 32 pixels after its processor has rounded
the sides, and one more for each two frames of a clip in time.
"""

from __future__ import annotations

import msgspec
from PIL.Image import Image

from engine.types import ChatRequest, Medium, TextPart
from gateway.accounts.limits import Limits
from gateway.call import Call

_BYTES_A_TOKEN = 3
_A_MESSAGE = 8
"""Tokens of the chat format around each message."""
_SIDE = 32
_MIN_PIXELS, _MAX_PIXELS = 65_536, 16_777_216
"""Of the model's processor, for one picture."""
_AROUND = 2
"""Tokens that mark where a picture begins and ends."""
_TIMESTAMP = 8
_FRAMES_A_STEP = 2


def cap_answer(call: Call, limits: Limits) -> None:
    """Holds the answer to the longest one that the key may have, also where the request names none."""
    if (most := limits.longest_answer) is None:
        return
    sampling = call.chat.sampling
    if sampling.max_tokens is None or sampling.max_tokens > most:
        sampling = msgspec.structs.replace(sampling, max_tokens=most)
        call.chat = msgspec.structs.replace(call.chat, sampling=sampling)


def answer_tokens(chat: ChatRequest) -> int:
    """Of the longest answer, or answers, that may come."""
    return (chat.sampling.max_tokens or 0) * chat.sampling.n


def text_tokens(chat: ChatRequest) -> int:
    """Of all messages, tools and schemas."""
    texts = [
        part.text if isinstance(part, TextPart) else ""
        for message in chat.messages
        for part in (message.content if isinstance(message.content, tuple) else ())
    ]
    texts += [message.content for message in chat.messages if isinstance(message.content, str)]
    texts += [str(message.tool_calls) for message in chat.messages if message.tool_calls]
    texts += [str(extra) for extra in (chat.tools, chat.response_format) if extra]
    return sum(map(_tokens, texts)) + _A_MESSAGE * (len(chat.messages) + 1)


def media_tokens(chat: ChatRequest) -> int:
    """Of all media, whose frames must be there."""
    return sum(map(_medium, chat.media))


def _tokens(text: str) -> int:
    data = text.encode(errors="replace")
    others = len(data.translate(None, b"0123456789"))
    return len(data) - others + -(-others // _BYTES_A_TOKEN)


def _medium(medium: Medium) -> int:
    sizes = [image_tokens(frame) for frame in medium.frames]
    if medium.kind != "video":
        return sum(sizes) + _AROUND * len(sizes)
    steps = -(-len(sizes) // _FRAMES_A_STEP)
    return (sum(sizes) + 1) // _FRAMES_A_STEP + steps * (_AROUND + _TIMESTAMP)


def image_tokens(image: Image) -> int:
    """As the processor counts: sides rounded to whole cells, and scaled into its bounds of pixels."""
    width, height = image.size
    columns, rows = round(width / _SIDE), round(height / _SIDE)
    pixels = columns * rows * _SIDE * _SIDE
    if pixels > _MAX_PIXELS:
        scale = (width * height / _MAX_PIXELS) ** 0.5
        columns, rows = max(1, int(width / scale / _SIDE)), max(1, int(height / scale / _SIDE))
    elif pixels < _MIN_PIXELS:
        scale = (_MIN_PIXELS / (width * height)) ** 0.5
        columns, rows = -int(-width * scale // _SIDE), -int(-height * scale // _SIDE)
    return columns * rows
