"""A span around every request but those that probe the gateway."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.telemetry.tracing import Tracing

_PROBES = frozenset(("/health", "/ready", "/metrics"))


class Traced:
    """Stands below `RequestId`, which knows the caller's own trace."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
            return
        with self._tracing.request(scope) as span:

            async def send_seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set({"http.response.status_code": message["status"]})
                    if message["status"] >= 500:
                        span.failed(str(message["status"]))
                await send(message)

            await self._app(scope, receive, send_seen)
