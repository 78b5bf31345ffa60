"""Any server that speaks OpenAI's API, behind the same contract as the embedded engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

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
from engine.http.origin import Origin
from engine.http.pool import Pool, Unreachable
from engine.http.reply import Reply, ask
from engine.openai_chunks import ReplyDecoder
from engine.remote_body import body_of
from engine.types import ChatChunk, ChatRequest

_PROBE_S = 2.0
"""How often an idle server is asked whether it is still there."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
"""Before a request is sent again; each pause is a random part of twice the last one's length."""


class _NotTaken(Exception):
    """The request did not reach the model: it may be sent again."""

    def __init__(self, error: EngineError) -> None:
        super().__init__(str(error))
        self.error = error


class RemoteEngine:
    """One model of another server."""

    def __init__(self, name: str, config: RemoteConfig) -> None:
        self._name = name
        self._config = config
        key = config.api_key.get_secret_value() if config.api_key else None
        self._origin = Origin.of(config.base_url, key)
        self._pool = Pool(self._origin, config.connect_timeout_s)
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
            reply = await ask(self._pool, self._origin.get("/models"), _PROBE_S)
            try:
                await reply.read()
            finally:
                reply.close()
            self._reachable = reply.status < 500
        except OSError:
            self._reachable = False
            self._pool.close()  # what is kept open leads to where nobody is
        return self._reachable

    def health(self) -> Health:
        detail = "ready" if self._reachable else "not reachable"
        return Health(ready=self._reachable, detail=detail, running=self._running)

    async def aclose(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        self._pool.close()

    async def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        config = self._config
        body = await body_of(request, config.adapters.get(request.model, config.model))
        message = self._origin.post("/chat/completions", body, request.trace_headers)
        self._running += 1
        try:
            reply = await self._reply(message, config.read_timeout_s if request.stream else None)
            try:
                async with aclosing(_chunks(reply, request)) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                reply.close()
        except TimeoutError as error:
            raise GenerationFailed("The model's server did not answer in time.") from error
        except OSError as error:
            raise EngineUnavailable("The model's server broke off.") from error
        finally:
            self._running -= 1

    async def _reply(self, message: bytes, timeout_s: float | None) -> Reply:
        """The reply of a server that took the request; sent again, after a pause, where it did not.

        An answer that is not streamed comes in one piece: only its caller's deadline bounds the wait.
        """
        pause, left = _FIRST_PAUSE_S, self._config.retries
        while True:
            try:
                return await self._ask(message, timeout_s)
            except _NotTaken as refusal:
                if not left:
                    raise refusal.error from refusal
            await asyncio.sleep(random.uniform(0, pause))
            pause, left = min(2 * pause, _LONGEST_PAUSE_S), left - 1

    async def _ask(self, message: bytes, timeout_s: float | None) -> Reply:
        """Raises `_NotTaken`, or `EngineError` for a refusal that is the last word."""
        try:
            reply = await ask(self._pool, message, timeout_s)
        except Unreachable as error:
            self._reachable = False
            raise _NotTaken(EngineUnavailable("The model's server cannot be reached.")) from error
        if reply.status == 200:
            return reply
        try:
            text = (await reply.read())[:4096].decode(errors="replace")
        finally:
            reply.close()
        raise self._refusal(reply.status, text)

    def _refusal(self, status: int, text: str) -> Exception:
        """The other server's words stay inside: they may hold more than a client should see."""
        if status in (429, 503):
            return _NotTaken(Overloaded("The model's server is busy."))
        if status in (401, 403):
            return EngineUnavailable("The model's server refuses this gateway.")
        if "maximum context length" in text:
            return ContextTooLong(self._config.max_context or 0)
        if 400 <= status < 500:
            return InvalidRequest("The model cannot work on this request as it is.")
        return GenerationFailed("The model failed on this request.")


async def _chunks(reply: Reply, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
    """Raises `OSError` where a stream ends before the answer does: a proxy may end it in good order."""
    decoder = ReplyDecoder(request.id, request.model)
    if not request.stream:
        yield decoder.whole(await reply.read())
        return
    ended = False
    async with aclosing(reply.lines()) as lines:
        async for line in lines:
            if not line.startswith(b"data:"):
                continue
            chunk = decoder.frame(line[5:].strip())
            ended = ended or chunk is None or any(choice.finish_reason for choice in chunk.choices)
            if chunk is not None:
                yield chunk
    if not ended:
        raise ConnectionResetError("the stream ended before the answer")
