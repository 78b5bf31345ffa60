"""Request bodies as they arrive: bounded in size, in time, and all together in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import ClientDisconnect, Request

from gateway.errors import BODY_TIMEOUT, TOO_LARGE, GatewayError
from gateway.runtime.room import Share
from gateway.state import gateway_of

_SLOWEST = 64_000
"""Bytes that give a body another second: slow lines may send much, but nobody may trickle."""


async def read_body(request: Request, limit: float, share: Share | None = None) -> bytes:
    """The whole body, its bytes counted in `share` as they come: a length that is only declared takes nothing
    from others. Raises as `body_within`, and as `Share.grow`."""
    if share is not None and (declared := _declared(request)) <= limit:
        share.check(declared)
    chunks, size = [], 0
    async for chunk in body_within(request, limit):
        chunks.append(chunk)
        size += len(chunk)
        if share is not None:
            share.grow(size)
    return b"".join(chunks) if len(chunks) > 1 else chunks[0]


async def body_within(request: Request, limit: float) -> AsyncGenerator[bytes, None]:
    """The body as it comes; refused as soon as it is known to be too large or slow, however it is sent.

    Raises `ClientDisconnect` where the client leaves before its end.
    """
    if _declared(request) > limit:
        raise _too_large(limit)
    patience = gateway_of(request.scope).settings.server.body_timeout_s
    began = asyncio.get_running_loop().time()
    size, more = 0, True
    while more:
        try:
            async with asyncio.timeout_at(began + patience + size / _SLOWEST):
                message = await request.receive()
        except TimeoutError:
            raise GatewayError(BODY_TIMEOUT, headers={"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        yield chunk


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _too_large(limit: float) -> GatewayError:
    why = f"The body is larger than {limit / 1e6:g} MB."
    return GatewayError(TOO_LARGE, why, headers={"connection": "close"})
