"""A connection's writes of one turn of the event loop, made as one.

uvicorn writes a reply's head and its body apart, and a stream piece by piece. Each write is a system
call, and wakes the client: a kept answer spends a good part of its time there.
"""

from __future__ import annotations

import asyncio
from typing import Any

_ENOUGH = 64 * 1024
"""Bytes that wait for no more: they are memory, and uvicorn's flow control does not see them."""


class Joined:
    """Writes at the end of the turn, or when it is told to. All else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._waiting:
            self._loop.call_soon(self.flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size >= _ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            waiting, self._waiting, self._size = self._waiting, [], 0
            self._transport.write(b"".join(waiting))

    def close(self) -> None:
        self.flush()
        self._transport.close()
