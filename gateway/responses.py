"""The one ASGI response: it runs the pipeline in the request's own task, waits for the first event
before it sends headers, and closes the whole chain as soon as the client is gone.

Starlette's `StreamingResponse` iterates in a child task and never closes its iterator, and plain
handlers do not notice a disconnect at all; hence this.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from engine.errors import EngineError
from gateway.audit.record import Outcome
from gateway.call import Call
from gateway.errors import (
    INTERNAL,
    OVERLOADED,
    SUCCESS,
    TIMEOUT,
    UNAVAILABLE,
    Code,
    GatewayError,
    from_engine,
)
from gateway.reply_headers import reply_headers
from gateway.stages.base import Handler
from gateway.stream import Reply, fold
from gateway.telemetry import Telemetry
from gateway.telemetry.tracing import Attributes
from gateway.wire.base import Encoder, RenderError

log = logging.getLogger("gateway")

_UNWATCHED_S = 0.005
"""Answers that are there sooner, kept ones above all, need no task that watches for the client's leaving."""
_LAST_WORD_S = 5.0
_SSE_HEADERS = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]


class PipelineResponse:
    """Answers one call: as one body, or as a stream where the call asks for it."""

    def __init__(
        self, handler: Handler, call: Call, encoder: Encoder, error: RenderError, telemetry: Telemetry
    ) -> None:
        self._handler = handler
        self._call = call
        self._encoder = encoder
        self._error = error
        self._telemetry = telemetry
        self._started = False
        self._complete = False
        self._client_left = False
        self._rule: str | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        watching = asyncio.get_running_loop().call_later(_UNWATCHED_S, self._start_watching, receive, task)
        code: Code | None = None
        with self._telemetry.inflight.labels(self._call.lane).track_inprogress():
            try:
                code = await self._answer(send)
            except asyncio.CancelledError:
                task.uncancel()
                if not self._client_left:
                    code = await self._stop(send)
            finally:
                watching.cancel()
                if self._watcher is not None:
                    self._watcher.cancel()
                    self._watcher = None  # its cancellation's traceback leads back here, and to the pictures
                self._count(code)
                scope["state"]["outcome"] = Outcome(code, self._rule)

    def _start_watching(self, receive: Receive, task: asyncio.Task[None]) -> None:
        self._watcher = asyncio.create_task(self._watch(receive, task))

    async def _watch(self, receive: Receive, task: asyncio.Task[None]) -> None:
        """Cancels the request's task, once, if the client leaves before its answer is complete."""
        while (await receive())["type"] != "http.disconnect":
            pass
        if not self._complete:
            self._client_left = True
            task.cancel()

    async def _answer(self, send: Send) -> Code:
        try:
            async with asyncio.timeout_at(self._call.deadline):
                await (self._stream(send) if self._call.stream else self._whole(send))
            return SUCCESS if self._call.notes.degraded is None else OVERLOADED
        except Exception as error:
            failure = as_gateway_error(error, self._call.request_id)
            self._rule = failure.rule
        self._telemetry.count_failure(failure.code)
        await self._fail(send, failure)
        return failure.code

    async def _whole(self, send: Send) -> None:
        reply = await fold(await self._handler(self._call))
        self._count_tokens(reply)
        await self._send_body(send, 200, self._encoder.reply(reply), reply_headers(self._call))

    async def _stream(self, send: Send) -> None:
        usage = Reply()
        chunks = 0
        async with aclosing(await self._handler(self._call)) as events:
            async for event in events:
                if self._call.first_chunk is None:
                    self._mark_first_chunk()
                chunks += 1
                if event.usage is not None:
                    usage.add(event)
                if frames := self._encoder.event(event):
                    await self._send_frames(send, frames)
        self._count_tokens(usage)
        self._mark_last_chunk(chunks)
        await self._send_frames(send, self._encoder.end(), last=True)

    async def _stop(self, send: Send) -> Code:
        """The server's drain has run out of time: the client is told instead of cut off."""
        error = GatewayError(UNAVAILABLE, "The server is shutting down.", retry_after=5)
        if not self._complete:
            self._telemetry.count_failure(error.code)
            await self._fail(send, error)
        return error.code

    async def _fail(self, send: Send, error: GatewayError) -> None:
        """A client that does not read gets some seconds; then the server closes its connection."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                if self._started:
                    await self._send_frames(send, self._encoder.failure(error), last=True)
                    return
                headers = [(k.encode(), v.encode()) for k, v in error.reply_headers.items()]
                body = self._error(error, self._call.request_id)
                await self._send_body(send, error.code.status, body, headers)

    async def _send_body(
        self, send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        length = (b"content-length", str(len(body)).encode())
        kind = (b"content-type", b"application/json")
        await send(
            {"type": "http.response.start", "status": status, "headers": [kind, length, *(headers or ())]}
        )
        self._complete = True
        await send({"type": "http.response.body", "body": body})

    async def _send_frames(self, send: Send, frames: bytes, *, last: bool = False) -> None:
        if not self._started:
            self._started = True
            kind = (b"content-type", f"{self._encoder.stream_type}; charset=utf-8".encode())
            headers = [kind, *_SSE_HEADERS, *reply_headers(self._call)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._complete = last
        await send({"type": "http.response.body", "body": frames, "more_body": not last})

    def _mark_first_chunk(self) -> None:
        self._call.first_chunk = time.monotonic()
        waited = self._call.first_chunk - self._call.received
        exemplar = self._telemetry.tracing.exemplar()
        self._telemetry.first_chunk.labels(self._call.lane).observe(waited, exemplar)

    def _mark_last_chunk(self, chunks: int) -> None:
        if self._call.first_chunk is not None and chunks > 1:
            took = time.monotonic() - self._call.first_chunk
            self._telemetry.between_tokens.labels(self._call.lane).observe(took / (chunks - 1))

    def _count_tokens(self, reply: Reply) -> None:
        if self._call.notes.cache in ("hit", "coalesced"):
            return  # no engine has made these tokens
        model = self._call.chat.model
        self._telemetry.tokens.labels(model, "input").inc(reply.usage.prompt_tokens)
        self._telemetry.tokens.labels(model, "output").inc(reply.usage.completion_tokens)

    def _count(self, code: Code | None) -> None:
        wire, task = self._call.wire, self._call.task
        self._telemetry.tracing.here().set(_facts(self._call, code))
        if code is None:
            self._telemetry.disconnects.labels(wire).inc()
            return
        exemplar = self._telemetry.tracing.exemplar()
        took = time.monotonic() - self._call.received
        self._telemetry.requests.labels(wire, task, code.number).inc(exemplar=exemplar)
        self._telemetry.duration.labels(wire, task).observe(took, exemplar)


def _facts(call: Call, code: Code | None) -> Attributes:
    """What a request's span says of it."""
    return {
        "gateway.request_id": call.request_id,
        "gateway.wire": call.wire,
        "gateway.task": call.task,
        "gateway.lane": call.lane,
        "gateway.code": None if code is None else code.number,
        "gateway.cache": call.notes.cache,
        "gateway.degraded": call.notes.degraded,
        "gen_ai.request.model": call.chat.model,
        "gen_ai.request.stream": call.stream,
    }


def as_gateway_error(error: Exception, request_id: str) -> GatewayError:
    """Any exception as a refusal with its business code; what nobody foresaw is logged, not shown.

    Without its traceback, which would lead back to the frame that keeps it, and so to the pictures.
    """
    if isinstance(error, GatewayError):
        return error.with_traceback(None)
    if isinstance(error, EngineError):
        if error.__cause__ is not None:
            log.warning("request %s: %s", request_id, type(error.__cause__).__name__)
        return from_engine(error)
    if isinstance(error, TimeoutError):
        return GatewayError(TIMEOUT)
    log.error("request %s failed", request_id, exc_info=error)
    return GatewayError(INTERNAL)
