"""Which request is being worked on: what every line of the log says of it, wherever it is written."""

from __future__ import annotations

import re
from contextvars import ContextVar

import msgspec

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
"""W3C trace context, version 0: trace id, the caller's span id, flags."""
_TRACESTATE_CHARS = 512


class RequestContext(msgspec.Struct, frozen=True):
    """One request; tasks and threads that work on it inherit it."""

    request_id: str
    trace_id: str = ""
    """32 hexadecimal digits; empty where neither the caller nor the gateway traces."""
    trace_headers: dict[str, str] | None = None
    """The caller's `traceparent` and `tracestate`, where they are well-formed."""


current: ContextVar[RequestContext | None] = ContextVar("request", default=None)


def context_of(request_id: str, headers: list[tuple[bytes, bytes]]) -> RequestContext:
    """The context of a request with these ASGI headers."""
    given = {name: value.decode("latin-1") for name, value in headers if name.startswith(b"trace")}
    parent = _TRACEPARENT.fullmatch(given.get(b"traceparent", ""))
    if parent is None or not int(parent[1], 16) or not int(parent[2], 16):
        return RequestContext(request_id)
    handed_on = {"traceparent": parent[0]}
    if state := given.get(b"tracestate", "")[:_TRACESTATE_CHARS]:
        handed_on["tracestate"] = state
    return RequestContext(request_id, parent[1], handed_on)
