"""Any server that speaks OpenAI's API, behind the same contract as the embedded engine.

Media go out as bytes in data URLs, never as addresses: what the gateway has checked is what
the other server sees.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx
import msgspec
from PIL import Image
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from engine.base import Health, ModelInfo
from engine.config import RemoteConfig
from engine.errors import (
    ContextTooLong,
    EngineError,
    EngineUnavailable,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
)
from engine.openai_chunks import ReplyDecoder
from engine.types import ChatChunk, ChatRequest, Medium, Message, Part, TextPart

_PROBE_S = 2.0
"""How often an idle server is asked whether it is still there."""


class _Retry(Exception):
    """The request did not reach the model: it may be sent again."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


class RemoteEngine:
    """One model of another server."""

    def __init__(
        self, name: str, config: RemoteConfig, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._name = name
        self._config = config
        headers = {"authorization": f"Bearer {config.api_key.get_secret_value()}"} if config.api_key else {}
        self._http = httpx.AsyncClient(
            base_url=config.base_url.rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(config.read_timeout_s, connect=config.connect_timeout_s),
            limits=httpx.Limits(max_connections=config.max_connections, max_keepalive_connections=64),
            transport=transport,
            trust_env=False,
        )
        self._running = 0
        self._reachable = False
        self._probe: asyncio.Task[None] | None = None

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(self._config.max_context, self._config.experts_per_token)

    async def load(self) -> None:
        """Returns once the server has answered; keeps watching it from then on."""
        while not await self._answers():  # noqa: ASYNC110 - another machine sets no event of ours
            await asyncio.sleep(_PROBE_S)
        self._probe = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_PROBE_S)
            await self._answers()

    async def _answers(self) -> bool:
        try:
            reply = await self._http.get("models", timeout=_PROBE_S)
            self._reachable = reply.status_code < 500
        except httpx.HTTPError:
            self._reachable = False
        return self._reachable

    def health(self) -> Health:
        detail = "ready" if self._reachable else "not reachable"
        return Health(ready=self._reachable, detail=detail, running=self._running)

    async def aclose(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self._http.aclose()

    async def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        body = await asyncio.to_thread(self._body, request)
        headers = {"content-type": "application/json", **(request.trace_headers or {})}
        self._running += 1
        try:
            response = await self._send(body, headers)
            try:
                async with aclosing(self._read(response, request)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                await response.aclose()
        except httpx.TimeoutException as error:
            raise GenerationFailed("The model's server did not answer in time.") from error
        except httpx.HTTPError as error:
            raise EngineUnavailable("The model's server broke off.") from error
        finally:
            self._running -= 1

    async def _send(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """The reply's head; tried again, with jitter, where the request did not reach the model."""
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(_Retry),
            stop=stop_after_attempt(self._config.retries + 1),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            reraise=True,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return await self._send_once(body, headers)
        except _Retry as error:
            raise error.error from error
        raise AssertionError("unreachable")

    async def _send_once(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        request = self._http.build_request("POST", "chat/completions", content=body, headers=headers)
        try:
            response = await self._http.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._reachable = False
            raise _Retry(EngineUnavailable("The model's server cannot be reached.")) from error
        if response.status_code == 200:
            return response
        try:
            text = (await response.aread())[:4096].decode(errors="replace")
        finally:
            await response.aclose()
        raise self._refusal(response.status_code, text)

    def _refusal(self, status: int, text: str) -> Exception:
        """The other server's words stay inside: they may hold more than a client should see."""
        if status in (429, 503):
            return _Retry(Overloaded("The model's server is busy."))
        if status in (401, 403):
            return EngineUnavailable("The model's server refuses this gateway.")
        if "maximum context length" in text:
            return ContextTooLong(self._config.max_context or 0)
        if 400 <= status < 500:
            return InvalidRequest("The model cannot work on this request as it is.")
        return GenerationFailed("The model failed on this request.")

    async def _read(self, response: httpx.Response, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        decoder = ReplyDecoder(request.id, request.model)
        if not request.stream:
            yield decoder.whole(await response.aread())
            return
        async for line in response.aiter_lines():
            if line.startswith("data:") and (chunk := decoder.frame(line[5:].strip())) is not None:
                yield chunk

    def _body(self, request: ChatRequest) -> bytes:
        sampling = msgspec.to_builtins(request.sampling)
        if request.score and not request.sampling.logprobs:
            sampling["logprobs"] = True
        body: dict[str, Any] = {
            "model": self._config.adapters.get(request.model, self._config.model),
            "messages": [_message(message) for message in request.messages],
            "stream": request.stream,
            **sampling,
        }
        for name in ("response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort"):
            if (value := getattr(request, name)) is not None:
                body[name] = value
        if request.stream:
            body["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(body)


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
        return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_png(medium.frames[0])}"}}
    return {"type": "video_url", "video_url": {"url": _clip(medium)}}


def _clip(medium: Medium) -> str:
    """Frames in the form that vLLM and SGLang read as a video of one frame a second."""
    return "data:video/jpeg;base64," + ",".join(_png(frame) for frame in medium.frames)


def _png(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return base64.b64encode(buffer.getvalue()).decode()
