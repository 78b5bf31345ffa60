"""The body of OpenAI's `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.wire.media_options import MediaOptions


class Url(Struct, frozen=True):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class TextContent(Struct, frozen=True, tag="text"):
    text: str


class RefusalContent(Struct, frozen=True, tag="refusal"):
    """What an assistant's earlier refusal is sent back as."""

    refusal: str


class ImageContent(Struct, frozen=True, tag="image_url"):
    image_url: Url | str


class VideoContent(Struct, frozen=True, tag="video_url"):
    video_url: Url | str


class AudioContent(Struct, frozen=True, tag="input_audio"):
    """Known in order to be refused in plain words."""


Content = TextContent | RefusalContent | ImageContent | VideoContent | AudioContent


class ChatMessage(Struct, frozen=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Content] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class ChatBody(Struct, frozen=True):
    """A request to `/v1/chat/completions`. Fields that are not named here are passed over."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1, max_length=1024)]
    model: Annotated[str, Meta(max_length=256)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    ignore_eos: bool | None = None
    response_format: dict[str, Any] | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Annotated[str, Meta(max_length=16)] | None = None
    media: MediaOptions = MediaOptions()
    """An addition to OpenAI's API, as is `mask_pii`."""
    mask_pii: bool = False
