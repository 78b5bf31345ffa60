"""A reply that is read as it comes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing

from engine.http.connection import Connection
from engine.http.pool import Pool

_ENOUGH = 1 << 20
"""Bytes that may wait to be read; with more, the server is held back."""


class NoReply(ConnectionError):
    """Not one byte of a reply came."""


class Reply:
    """One reply, taken from its connection. Reading raises `OSError`: `TimeoutError` where nothing came
    for `timeout_s` seconds (`None`: however long), `NoReply` where nothing ever did."""

    def __init__(self, pool: Pool, connection: Connection, timeout_s: float | None) -> None:
        self.status = 0
        self._pool = pool
        self._connection = connection
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._error: OSError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._timer = None if timeout_s is None else self._loop.call_later(timeout_s, self._check, timeout_s)

    async def head(self) -> None:
        """Returns once `status` is known."""
        while not self.status and not self._over:
            await self._more()
        if self._error is not None:
            raise self._error

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Its lines as they come, without their ends. A reader that is behind gets many without a wait."""
        rest = b""
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield line.removesuffix(b"\r")
        if rest:
            yield rest

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes."""
        while True:
            while self._pieces:
                yield self._next()
            if self._over:
                break
            await self._more()
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Read no more of it. Before its end that closes the connection, which tells the server."""
        if self._timer is not None:
            self._timer.cancel()
        if self._size > _ENOUGH:
            self._connection.resume()
        self._pool.give_back(self._connection)

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.status = status
        self._wake()

    def on_piece(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > _ENOUGH:
            self._connection.pause()
        self._wake()

    def on_end(self) -> None:
        self._over = True
        self._wake()

    def on_failure(self, error: OSError) -> None:
        self._error = error if self.status else NoReply(str(error))
        self.on_end()

    def _next(self) -> bytes:
        piece = self._pieces.popleft()
        behind = self._size > _ENOUGH
        self._size -= len(piece)
        if behind and self._size <= _ENOUGH:
            self._connection.resume()
        return piece

    async def _more(self) -> None:
        """Returns once something has come."""
        self._reader = self._loop.create_future()
        await self._reader

    def _wake(self) -> None:
        self._heard = self._loop.time()
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _check(self, timeout_s: float) -> None:
        """One timer for all pieces, which looks again where something came meanwhile."""
        left = self._heard + timeout_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check, timeout_s)
        else:
            self._error = TimeoutError("the server says nothing")
            self.on_end()


async def ask(pool: Pool, message: bytes, timeout_s: float | None) -> Reply:
    """The reply to a request, its head read; whoever gets it closes it. Raises `OSError` where there is none.

    A connection that was kept may have been closed by the server just as the request went out: then it
    goes out again on a new one.
    """
    new = False
    while True:
        connection = await pool.take(new=new)
        was_kept = connection.replies > 0
        reply = Reply(pool, connection, timeout_s)
        connection.send(message, reply)
        try:
            await reply.head()
            return reply
        except NoReply:
            reply.close()
            if not was_kept:
                raise
            new = True
        except BaseException:
            reply.close()
            raise
