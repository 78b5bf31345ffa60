"""Settles what requests held of their keys' limits, in the background and to the end.

A request ends in a `finally` that may not wait for a network: it leaves its settlement here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import msgspec
from redis.exceptions import RedisError

from gateway.accounts.limiter import KEEP_SPENT_S, SETTLE, Limiter, Reservation
from gateway.accounts.scripts import Scripts
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_BATCH = 256
_PAUSE_S = 1.0
_MOST = 100_000
"""Settlements that wait for a store that is away; more are given up, and counted."""
_DRAIN_S = 5.0


class Spent(msgspec.Struct, frozen=True):
    """The month of a key around one settlement. Costs in billionths."""

    tokens_before: int
    cost_before: int
    tokens: int
    cost: int


class _Entry(msgspec.Struct):
    reservation: Reservation
    tokens: int
    cost: int
    tried: bool = False


Told = Callable[[Reservation, Spent], None]


class Ledger:
    def __init__(self, scripts: Scripts | None, limiter: Limiter, telemetry: Telemetry, told: Told) -> None:
        self._scripts = scripts
        self._limiter = limiter
        self._telemetry = telemetry
        self._told = told
        self._entries: list[_Entry] = []
        self._some, self._none = asyncio.Event(), asyncio.Event()
        self._none.set()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._scripts is not None and self._worker is None:
            self._worker = asyncio.create_task(self._work(self._scripts))

    def settle(self, reservation: Reservation, tokens: int, cost: int) -> None:
        """End a request that came to `tokens` and `cost`. Does not wait."""
        if not reservation.in_store:
            self._limiter.release(reservation)
        if self._scripts is None:
            return
        if len(self._entries) >= _MOST:
            self._telemetry.settlements_lost.inc()
            return
        self._entries.append(_Entry(reservation, tokens, cost))
        self._some.set()
        self._none.clear()

    async def settled(self) -> None:
        """Returns when nothing waits."""
        await self._none.wait()

    async def aclose(self) -> None:
        """What still waits gets a few seconds."""
        if self._worker is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                await self.settled()
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        if self._entries:
            self._telemetry.settlements_lost.inc(len(self._entries))
            log.error("%d settlements were lost: the state store is away", len(self._entries))

    async def _work(self, scripts: Scripts) -> None:
        while True:
            await self._some.wait()
            batch = self._entries[:_BATCH]
            answers = await asyncio.gather(*(_settle(scripts, e) for e in batch), return_exceptions=True)
            failed = [
                entry
                for entry, answer in zip(batch, answers, strict=True)
                if isinstance(answer, RedisError | OSError | TimeoutError)
            ]
            self._entries[: len(batch)] = failed
            for entry, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Spent):
                    self._told(entry.reservation, answer)
                elif entry not in failed:
                    log.error("a settlement failed", exc_info=answer)
            if not self._entries:
                self._some.clear()
                self._none.set()
            elif failed:
                await asyncio.sleep(_PAUSE_S)


async def _settle(scripts: Scripts, entry: _Entry) -> Spent:
    held, again = entry.reservation, entry.tried
    entry.tried = True
    answer: Any = await scripts.run(
        SETTLE, held.keys, held.id, entry.tokens, entry.cost, KEEP_SPENT_S, int(again)
    )
    return Spent(*map(int, answer))
