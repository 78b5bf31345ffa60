"""Sees to it that every request has its line in the audit log: refused and abandoned ones too.

It stands outside all else but the request id.
"""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.audit.record import Outcome, Visit, line
from gateway.audit.writer import Writer
from gateway.errors import INTERNAL, UNAVAILABLE, GatewayError
from gateway.routes.errors import ErrorResponse, render_for
from gateway.settings import AuditSettings

_PROBES = frozenset(("/health", "/ready", "/metrics"))


class Audit:
    def __init__(self, app: ASGIApp, writer: Writer, settings: AuditSettings) -> None:
        self._app = app
        self._writer = writer
        self._refuses = settings.when_full == "refuse"
        self._passes = frozenset() if settings.probes else _PROBES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._passes:
            await self._app(scope, receive, send)
            return
        if self._refuses and self._writer.full and scope["path"] not in _PROBES:
            await _refuse(scope, receive, send)
            return
        client = scope.get("client")
        visit = Visit(time.monotonic(), scope["method"], scope["path"], client[0] if client else None)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
            await send(message)
            if message["type"] == "http.response.body":
                visit.sent += len(message.get("body", b""))
                visit.complete = not message.get("more_body", False)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            visit.status, visit.complete = visit.status or INTERNAL.status, True
            scope["state"]["outcome"] = Outcome(INTERNAL)
            raise
        finally:
            self._writer.add(line(visit, scope["state"]))


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = GatewayError(UNAVAILABLE, "Requests cannot be recorded at the moment.", retry_after=5)
    render = render_for(scope["path"])
    await ErrorResponse(error, render, scope["state"]["request_id"])(scope, receive, send)
