"""Sends requests and times the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from engine.http.origin import Origin
from engine.http.pool import Pool
from gateway.load.exchange import Exchange, ask

_CONNECT_S = 10.0


class Sample(msgspec.Struct, frozen=True):
    """One request's outcome; times in seconds."""

    at: float
    """When it was sent, from the beginning of the run."""
    total: float
    ttft: float
    """To the first byte of the body: of a stream that is its first token."""
    gap: float
    """Mean time between the pieces of a stream; 0 where there is one piece."""
    status: int
    """HTTP status; 0 where the connection failed, 200 does not hide an error frame."""
    failed: bool
    tokens: int = 0
    cache: str = ""
    degraded: bool = False


class Workload(Protocol):
    """Makes the bodies of one kind of request."""

    path: str

    def body(self, number: int) -> bytes: ...

    def tokens(self, exchange: Exchange) -> int:
        """Tokens of an answer; -1 where it is not what was asked for."""
        ...


Progress = Callable[[Sample], None]


class Driver:
    """Asks one server. Bodies are made before the clock starts."""

    def __init__(self, origin: Origin, workload: Workload, on_sample: Progress = lambda _: None) -> None:
        self._pool = Pool(origin, _CONNECT_S)
        self._workload = workload
        self._on_sample = on_sample
        self._began = 0.0
        self.samples: list[Sample] = []

    async def closed(self, concurrency: int, requests: int, first: int = 0) -> float:
        """`requests` requests, `concurrency` of them in flight; returns the seconds it took."""
        numbers = iter([self._message(first + number) for number in range(requests)])
        self._began = time.perf_counter()
        await asyncio.gather(*(self._keep_asking(numbers) for _ in range(min(concurrency, requests))))
        return time.perf_counter() - self._began

    async def open(self, arrivals: Iterator[float], most: int = 10_000, first: int = 0) -> float:
        """A request at each arrival, whatever the answers take; returns the seconds until the last.

        With `most` requests in flight the next one waits: a client has no endless ports.
        """
        room = asyncio.Semaphore(most)
        self._began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, due in enumerate(arrivals):
                await asyncio.sleep(max(0.0, self._began + due - time.perf_counter()))
                await room.acquire()
                message = self._message(first + number)
                group.create_task(self._ask(message)).add_done_callback(lambda _: room.release())
        return time.perf_counter() - self._began

    def close(self) -> None:
        self._pool.close()

    def _message(self, number: int) -> bytes:
        return self._pool.origin.post(self._workload.path, self._workload.body(number))

    async def _keep_asking(self, messages: Iterator[bytes]) -> None:
        for message in messages:
            await self._ask(message)

    async def _ask(self, message: bytes) -> None:
        sent = time.perf_counter()
        try:
            exchange = await ask(self._pool, message)
        except OSError:
            exchange = Exchange(last=time.perf_counter())
        sample = self._sample(sent, exchange)
        self.samples.append(sample)
        self._on_sample(sample)

    def _sample(self, sent: float, exchange: Exchange) -> Sample:
        tokens = self._workload.tokens(exchange) if exchange.status == 200 else -1
        pieces = exchange.arrivals
        gap = (pieces[-1] - pieces[0]) / (len(pieces) - 1) if len(pieces) > 1 else 0.0
        return Sample(
            at=sent - self._began,
            total=exchange.last - sent,
            ttft=(exchange.first or exchange.last) - sent,
            gap=gap,
            status=exchange.status,
            failed=tokens < 0,
            tokens=max(0, tokens),
            cache=exchange.cache,
            degraded=exchange.degraded,
        )
