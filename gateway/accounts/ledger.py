"""Settles what requests held of their keys' limits, in the background and to the end.

A request ends in a `finally` that may not wait for a network: it leaves its settlement here. Its
place is given back at once; what it came to is charged together with that of other requests of
the same key, since the store writes each charge to its disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from redis.exceptions import RedisError

from gateway.accounts.limiter import Limiter, Reservation
from gateway.accounts.scripts import Script, Scripts
from gateway.runtime.ending import end
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_RELEASE, _CHARGE = Script("release"), Script("charge")
_EVERY_S = 0.2
_KEEP_S = 400 * 24 * 3600
_DRAIN_S = 5.0
_AWAY = (RedisError, OSError, TimeoutError)


class Spent(msgspec.Struct, frozen=True):
    """The month of a key around one charge. Costs in billionths."""

    tokens_before: int
    cost_before: int
    tokens: int
    cost: int


class _Charge(msgspec.Struct):
    """What requests of one key and month came to."""

    held: Reservation
    tokens: int = 0
    cost: int = 0
    held_tokens: int = 0
    """Those of the tokens that the store counts as held until they are charged."""
    held_cost: int = 0
    number: int = 0


Told = Callable[[Reservation, Spent], None]


class Ledger:
    """A charge is made once, also where the store takes it and its answer is lost."""

    def __init__(self, scripts: Scripts | None, limiter: Limiter, telemetry: Telemetry, told: Told) -> None:
        self._scripts = scripts
        self._limiter = limiter
        self._telemetry = telemetry
        self._told = told
        self._name = f"by:{secrets.token_hex(4)}"
        self._charges = 0
        self._releasing: set[asyncio.Future[Any]] = set()
        self._open: dict[tuple[str, str], _Charge] = {}
        self._sending: dict[tuple[str, str], _Charge] = {}
        self._worker: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def start(self) -> None:
        if self._scripts is not None and self._worker is None:
            self._worker = asyncio.create_task(self._work(self._scripts))

    def settle(self, held: Reservation, tokens: int, cost: int) -> None:
        """End a request that came to `tokens` and `cost`. Does not wait."""
        if not held.in_store:
            self._limiter.release(held)
        if self._scripts is None:
            return
        if not held.in_store:
            self._note(held, tokens, cost, was_held=False)
            return
        answer = self._scripts.send(_RELEASE, held.keys[:2], held.id, tokens, cost, soon=False)
        self._releasing.add(answer)
        answer.add_done_callback(partial(self._released, held, tokens, cost))

    async def settled(self) -> None:
        """Settle what waits. Raises `redis.RedisError`, `OSError` or `TimeoutError` where it cannot be."""
        while self._releasing:
            await asyncio.wait(self._releasing)
        while self._scripts is not None and (self._open or self._sending):
            await self._charge(self._scripts)

    async def aclose(self) -> None:
        """What still waits gets a few seconds."""
        if self._worker is None:
            return
        await end([self._worker])
        with contextlib.suppress(*_AWAY):
            async with asyncio.timeout(_DRAIN_S):
                await self.settled()
        if lost := len(self._open.keys() | self._sending.keys()):
            self._telemetry.settlements_lost.inc(lost)
            log.error("what %d keys used could not be charged: the state store is away", lost)

    def _released(self, held: Reservation, tokens: int, cost: int, answer: asyncio.Future[Any]) -> None:
        """What failed lapses by itself."""
        self._releasing.discard(answer)
        if not answer.cancelled():
            self._note(held, tokens, cost, was_held=answer.exception() is None and bool(answer.result()))

    def _note(self, held: Reservation, tokens: int, cost: int, *, was_held: bool) -> None:
        if not tokens and not cost:
            return
        charge = self._open.setdefault((held.key, held.month), _Charge(held))
        charge.tokens += tokens
        charge.cost += cost
        if was_held:
            charge.held_tokens += tokens
            charge.held_cost += cost

    async def _work(self, scripts: Scripts) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._charge(scripts)
            except _AWAY as error:
                log.warning("use cannot be charged yet: %s", type(error).__name__)

    async def _charge(self, scripts: Scripts) -> None:
        """Send a charge for each key. One that fails is sent again, as it is, before the key's next."""
        async with self._turn:
            for place in self._open.keys() - self._sending.keys():
                charge = self._sending[place] = self._open.pop(place)
                self._charges += 1
                charge.number = self._charges
            charges = list(self._sending.items())
            answers = await asyncio.gather(
                *(self._send(scripts, charge) for _, charge in charges), return_exceptions=True
            )
            for (place, charge), answer in zip(charges, answers, strict=True):
                if isinstance(answer, Spent):
                    del self._sending[place]
                    self._told(charge.held, answer)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _send(self, scripts: Scripts, charge: _Charge) -> Spent:
        account, _, month = charge.held.keys
        answer: Any = await scripts.send(
            _CHARGE,
            (account, month),
            charge.tokens,
            charge.cost,
            charge.held_tokens,
            charge.held_cost,
            _KEEP_S,
            self._name,
            charge.number,
        )
        return Spent(*map(int, answer))
