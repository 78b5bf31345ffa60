"""The simple chat: one text, one picture, one answer. `POST /v1/chat` and `POST /v1/chat/stream`."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.types import ChatRequest, MediaPart, Message, Part, Sampling, TextPart
from gateway.call import Call, Event
from gateway.errors import GatewayError
from gateway.models import Model
from gateway.stream import Reply
from gateway.tasks.base import Bilingual, language_of
from gateway.wire.base import Encoder, Intake, decode, invalid, json_encode, medium_of, sse
from gateway.wire.calls import call_of, target

name = "simple"

_LOOK = Bilingual(en="Describe this image in one sentence.", zh="请用一句话描述这张图片。")
"""Asked about a picture that comes without words."""


class SimpleBody(Struct, frozen=True):
    """A request of the simple chat. Fields that are not named here are passed over."""

    input_type: Literal["text_only", "image_only", "text_image"]
    text: Annotated[str, Meta(max_length=2048)] | None = None
    image_url: str | None = None
    image_base64: str | None = None
    max_new_tokens: Annotated[int, Meta(ge=10, le=2048)] = 512
    temperature: Annotated[float, Meta(ge=0.1, le=1.5)] = 0.7
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    model: Annotated[str, Meta(max_length=256)] | None = None


_bodies = msgspec.json.Decoder(SimpleBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    return _parse(body, intake, stream=False)


def parse_stream(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """As `parse`, for the path that always streams."""
    return _parse(body, intake, stream=True)


def _parse(body: bytes, intake: Intake, *, stream: bool) -> tuple[Call, Encoder]:
    request = decode(body, _bodies)
    content = _content(request)
    asked = target(intake, request.model)
    chat = ChatRequest(
        id=intake.request_id,
        model=asked.model.name,
        messages=(Message(role="user", content=content),),
        sampling=Sampling(
            max_tokens=request.max_new_tokens, temperature=request.temperature, seed=request.seed
        ),
        stream=stream,
    )
    call = call_of(intake, chat, asked, name)
    return call, SimpleEncoder(call, asked.model)


def _content(request: SimpleBody) -> tuple[Part, ...]:
    text = (request.text or "").strip()
    image = request.image_url or request.image_base64
    if request.image_url and request.image_base64:
        raise invalid("image_url", "only one of image_url and image_base64 can be given.")
    if request.input_type == "text_only":
        if not text:
            raise invalid("text", "is needed for text_only.")
        return (TextPart(text),)
    if not image:
        raise invalid("image_url", f"or image_base64 is needed for {request.input_type}.")
    if request.input_type == "text_image" and not text:
        raise invalid("text", "is needed for text_image.")
    return (MediaPart(medium_of(image, "image")), TextPart(text or _LOOK[language_of(text)]))


class SimpleEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, model: Model) -> None:
        self._call = call
        self._model = model
        self._reply = Reply()

    def reply(self, reply: Reply) -> bytes:
        return json_encode(
            {"success": True, "message": "success", "result": reply.first.content, **self._rest(reply)}
        )

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        choices = getattr(event, "choices", ())
        text = "".join(choice.content for choice in choices)
        return sse({"chunk": text, "done": False}) if text else b""

    def end(self) -> bytes:
        return sse({"chunk": "", "done": True, **self._rest(self._reply)})

    def failure(self, error: GatewayError) -> bytes:
        return sse({"error": error.message, "done": True, "request_id": self._call.request_id})

    def _rest(self, reply: Reply) -> dict[str, Any]:
        rest: dict[str, Any] = {
            "usage": {
                "input_tokens": reply.usage.prompt_tokens,
                "output_tokens": reply.usage.completion_tokens,
                "inference_time_ms": round((time.monotonic() - self._call.received) * 1000),
                "gpu_memory_used_gb": self._model.health().gpu_memory_gb,
            },
            "request_id": self._call.request_id,
        }
        reasoning = reply.first.reasoning
        return {"reasoning": reasoning, **rest} if reasoning else rest


def error(error: GatewayError, request_id: str) -> bytes:
    return json_encode(
        {"success": False, "message": error.message, "code": error.code.number, "request_id": request_id}
    )


def health(model: Model, ready: bool, uptime_s: float) -> dict[str, Any]:
    """The body of `GET /v1/health`."""
    return {
        "status": "healthy" if ready else "unhealthy",
        "model_loaded": model.health().ready,
        "gpu_memory_used_gb": model.health().gpu_memory_gb,
        "uptime_seconds": round(uptime_s, 1),
    }
