"""A request and its reply, timed so cheaply that the driver does not measure itself."""

from __future__ import annotations

import asyncio
import time

import msgspec

from engine.http.pool import Pool


class Exchange(msgspec.Struct, weakref=True):
    """What came back for one request; times are of `time.perf_counter`."""

    status: int = 0
    first: float = 0.0
    """When the first byte of the body came."""
    last: float = 0.0
    arrivals: list[float] = []
    """When each piece of the body came."""
    body: list[bytes] = []
    cache: str = ""
    """The reply's `X-Cache`."""
    degraded: bool = False
    done: asyncio.Future[None] = msgspec.field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        self.status = status
        self.cache = headers.get(b"x-cache", b"").decode()
        self.degraded = b"x-degraded" in headers

    def on_piece(self, data: bytes) -> None:
        now = time.perf_counter()
        self.first = self.first or now
        self.arrivals.append(now)
        self.body.append(data)

    def on_end(self) -> None:
        self.last = time.perf_counter()
        if not self.done.done():
            self.done.set_result(None)

    def on_failure(self, error: OSError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


async def ask(pool: Pool, message: bytes) -> Exchange:
    """Raises `OSError` where there is no whole answer."""
    connection = await pool.take()
    exchange = Exchange()
    connection.send(message, exchange)
    try:
        await exchange.done
    finally:
        pool.give_back(connection)
    return exchange
