"""Gives every request an id: the caller's own where it is well-formed, else a new one."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.call import new_request_id
from gateway.telemetry.context import context_of, current

_HEADER = b"x-request-id"
_ANTHROPIC = re.compile(r"(/m/[^/]+)?/v1/messages(/|$)")
_ITS_HEADER = b"request-id"
"""Anthropic's SDK reads the id under this name."""
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Puts the id into `scope["state"]` and into the reply's `X-Request-ID`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or new_request_id()
        scope.setdefault("state", {})["request_id"] = request_id
        headers = [(_HEADER, request_id.encode())]
        if _ANTHROPIC.match(scope["path"]):
            headers.append((_ITS_HEADER, request_id.encode()))
        current.set(context_of(request_id, scope["headers"]))  # of this request's own task

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            scope["state"].clear()  # a connection keeps its last scope: the request's media shall not stay
            scope["state"].update(request_id=request_id, id_headers=headers)  # for `on_failure`, outside this


def _given(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _HEADER and _WELL_FORMED.fullmatch(value):
            return str(value.decode())
    return None
