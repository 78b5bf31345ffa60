"""OpenAI's chat completions, as its SDKs send and read them."""

from __future__ import annotations

import msgspec

from engine.types import (
    ChatRequest,
    MediaPart,
    MediumOptions,
    Message,
    Part,
    Sampling,
    TextPart,
)
from gateway.call import Call
from gateway.models import Model
from gateway.wire.base import Encoder, Intake, decode, invalid, medium_of
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
from gateway.wire.openai_reply import ChatEncoder, error, model_entry, models

name = "openai"
__all__ = ["error", "model_entry", "models", "parse"]

_bodies = msgspec.json.Decoder(ChatBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    _check(request)
    asked = target(intake, request.model)
    call = call_of(intake, _chat(request, asked.model, intake.request_id), asked, name)
    call.mask_pii = request.mask_pii
    include_usage = bool(request.stream_options and request.stream_options.include_usage)
    return call, ChatEncoder(call, include_usage)


def _check(request: ChatBody) -> None:
    if request.top_logprobs and not request.logprobs:
        raise invalid("top_logprobs", "needs logprobs to be true.")


def _chat(request: ChatBody, model: Model, request_id: str) -> ChatRequest:
    stop = [request.stop] if isinstance(request.stop, str) else request.stop
    return ChatRequest(
        id=request_id,
        model=model.name,
        messages=tuple(_message(message, request.media.of_media("media")) for message in request.messages),
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


def _message(message: ChatMessage, options: MediumOptions) -> Message:
    content = message.content
    return Message(
        role=message.role,
        content=tuple(_part(part, options) for part in content) if isinstance(content, list) else content,
        name=message.name,
        tool_calls=message.tool_calls,
        tool_call_id=message.tool_call_id,
    )


def _part(part: Content, options: MediumOptions) -> Part:
    if isinstance(part, TextContent):
        return TextPart(part.text)
    if isinstance(part, RefusalContent):
        return TextPart(part.refusal)
    if isinstance(part, ImageContent):
        return MediaPart(medium_of(_address(part.image_url), "image", options))
    if isinstance(part, VideoContent):
        return MediaPart(medium_of(_address(part.video_url), "video", options))
    raise invalid("messages", "the model does not hear; input_audio is not taken.")


def _address(url: Url | str) -> str:
    """Some clients send the bare address in place of the object that holds it."""
    return url if isinstance(url, str) else url.url
