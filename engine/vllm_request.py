"""A `ChatRequest` as vLLM's own chat request, with decoded media handed over in process.

Only values made here reach vLLM: nothing a client sent is passed on unseen, and text can
never hold the model's control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
from vllm.exceptions import VLLMValidationError
from vllm.multimodal.media import MEDIA_CONNECTOR_REGISTRY, MediaConnector

from engine.types import ChatRequest, Medium, Message, Part, TextPart

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

CONNECTOR = "in_process"
_SCHEME = "medium:"
_FPS = 1000
"""Frame numbers are milliseconds, so that any timestamp survives vLLM's frames-per-second."""

_clips: dict[str, Medium] = {}
"""Videos of requests that are being rendered, by the address under which vLLM asks for them."""


@MEDIA_CONNECTOR_REGISTRY.register(CONNECTOR)
class InProcessConnector(MediaConnector):  # type: ignore[misc]
    """Gives vLLM the videos of this process; every other address is refused, so vLLM fetches nothing."""

    async def fetch_video_async(self, video_url: str, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        if video_url not in _clips:
            raise VLLMValidationError("addresses are not fetched by the engine")
        return _as_array(_clips[video_url])

    async def fetch_image_async(self, image_url: str, **_: Any) -> Any:
        raise VLLMValidationError("addresses are not fetched by the engine")

    async def fetch_audio_async(self, audio_url: str, **_: Any) -> Any:
        raise VLLMValidationError("addresses are not fetched by the engine")


class Lent:
    """The media of one request, which vLLM has while it renders: `with Lent(request) as lent:`.

    vLLM's parser of content and its tracker of items refer to each other, so what they were given stays
    until Python looks for cycles: some 6 MB for each photo. So they get a picture's pixels by an object of
    its own, which loses them when the block ends, and a video by its address.
    """

    def __init__(self, request: ChatRequest) -> None:
        media = {id(medium): medium for medium in request.media}.values()
        self._clips = {_address(m): m for m in media if m.kind == "video"}
        self._images = {id(m): _sharing(m.frames[0]) for m in media if m.kind == "image"}

    def image(self, medium: Medium) -> Image:
        return self._images[id(medium)]

    def __enter__(self) -> Lent:
        _clips.update(self._clips)
        return self

    def __exit__(self, *_: object) -> None:
        for address in self._clips:
            _clips.pop(address, None)
        for image in self._images.values():
            image.close()


def _sharing(image: Image) -> Image:
    """Another picture of the same pixels; what Pillow's own methods use to make one, without a copy."""
    return image._new(image.im)


class RequestBuilder:
    """Builds vLLM's request; knows the control tokens of the loaded model."""

    def __init__(self, control_tokens: Iterable[str]) -> None:
        tokens = sorted((t for t in control_tokens if len(t) > 1), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, tokens)) or r"(?!)")

    def build(self, request: ChatRequest, lent: Lent) -> ChatCompletionRequest:
        """vLLM's request for `request`, whose media are `lent`.

        Raises pydantic's `ValidationError` on values that vLLM refuses.
        """
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [self._message(m, lent) for m in request.messages],
            "stream": request.stream,
            "request_id": request.id,
            "priority": request.priority,
            "max_completion_tokens": sampling.max_tokens,
            "logprobs": sampling.logprobs,
            "top_logprobs": sampling.top_logprobs if sampling.logprobs else None,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "seed": sampling.seed,
            "stop": sampling.stop,
            "n": sampling.n,
            "presence_penalty": sampling.presence_penalty,
            "frequency_penalty": sampling.frequency_penalty,
            "repetition_penalty": sampling.repetition_penalty,
            "logit_bias": sampling.logit_bias,
            "ignore_eos": sampling.ignore_eos or None,
            "response_format": request.response_format,
            "tools": self._plain_all(request.tools),
            "tool_choice": self._plain_all(request.tool_choice),
            "parallel_tool_calls": request.parallel_tool_calls,
            "reasoning_effort": request.reasoning_effort,
            "cache_salt": request.salt,
        }
        if request.stream:
            body["stream_options"] = {"include_usage": True}
        return ChatCompletionRequest(**{key: value for key, value in body.items() if value is not None})

    def _message(self, message: Message, lent: Lent) -> dict[str, Any]:
        content = message.content
        out: dict[str, Any] = {"role": message.role}
        if isinstance(content, str):
            out["content"] = self._plain(content)
        elif content is not None:
            out["content"] = [self._part(part, lent) for part in content]
        for name in ("name", "tool_calls", "tool_call_id"):
            if (value := getattr(message, name)) is not None:
                out[name] = self._plain_all(value)
        return out

    def _part(self, part: Part, lent: Lent) -> dict[str, Any]:
        if isinstance(part, TextPart):
            return {"type": "text", "text": self._plain(part.text)}
        medium = part.medium
        if medium.kind == "image":
            return {"type": "image_pil", "image_pil": lent.image(medium), "uuid": medium.digest}
        url = {"url": _address(medium)}
        return {"type": "video_url", "video_url": url, "uuid": medium.digest}

    def _plain(self, text: str) -> str:
        """The text with the model's control tokens broken up, so that they are read as text."""
        return self._control.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text)

    def _plain_all(self, value: Any) -> Any:
        """As `_plain`, for every text within a JSON value."""
        if isinstance(value, str):
            return self._plain(value)
        if isinstance(value, list):
            return [self._plain_all(item) for item in value]
        if isinstance(value, dict):
            return {self._plain(key): self._plain_all(item) for key, item in value.items()}
        return value


def _address(medium: Medium) -> str:
    """Unique while the medium lives, whatever ids clients give their requests."""
    return f"{_SCHEME}{id(medium)}"


def _as_array(clip: Medium) -> tuple[np.ndarray, dict[str, Any]]:
    """Frames as uint8 `[T, H, W, 3]`, with the metadata that tells the model their times."""
    import numpy as np

    frames = np.stack([np.asarray(frame) for frame in clip.frames])
    indices = [round(t * _FPS) for t in clip.timestamps]
    total = indices[-1] + 1 if indices else len(frames)
    return frames, {
        "total_num_frames": total,
        "fps": float(_FPS),
        "duration": total / _FPS,
        "video_backend": CONNECTOR,
        "frames_indices": indices,
        "do_sample_frames": False,
    }
