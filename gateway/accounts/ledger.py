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

from gateway.accounts.limiter import Limiter
from gateway.accounts.reservation import Reservation
from gateway.accounts.scripts import Script, Scripts
from gateway.runtime.ending import end
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_RELEASE, _CHARGE = Script("release"), Script("charge")
_EVERY_S = 0.2
_KEEP_S = 400 * 24 * 3600
_DRAIN_S = 5.0
_NOTHING, _BY_KEY, _BY_TENANT = 0, 1, 2
_AWAY = (RedisError, OSError, TimeoutError)


class Spent(msgspec.Struct, frozen=True):
    """The month of a key, or of a tenant, around one charge. Costs in billionths."""

    tokens_before: int
    cost_before: int
    tokens: int
    cost: int


class _Sum(msgspec.Struct):
    tokens: int = 0
    cost: int = 0

    def add(self, tokens: int, cost: int) -> None:
        self.tokens += tokens
        self.cost += cost


class _Charge(msgspec.Struct):
    """What requests of one key and month came to."""

    held: Reservation
    came_to: _Sum = msgspec.field(default_factory=_Sum)
    by_key: _Sum = msgspec.field(default_factory=_Sum)
    """That of it which the store counts as held by the key until it is charged."""
    by_tenant: _Sum = msgspec.field(default_factory=_Sum)
    number: int = 0


Told = Callable[[Reservation, Spent, Spent], None]
"""Hears of a charge: what it was for, and the months of the key and of its tenant."""


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
            self._note(held, tokens, cost, _NOTHING)
            return
        of_key, of_tenant = held.of_key, held.of_tenant
        keys = [of_key.sums, of_key.leases]
        if held.limits.of_tenant:
            keys += (of_tenant.sums, of_tenant.leases)
        answer = self._scripts.send(_RELEASE, keys, held.id, tokens, cost, soon=False)
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
            found = _NOTHING if answer.exception() is not None else int(answer.result())
            self._note(held, tokens, cost, found)

    def _note(self, held: Reservation, tokens: int, cost: int, found: int) -> None:
        """`found` is what `release.lua` says of who held something for it."""
        if not tokens and not cost:
            return
        charge = self._open.setdefault((held.key, held.month), _Charge(held))
        charge.came_to.add(tokens, cost)
        if found & _BY_KEY:
            charge.by_key.add(tokens, cost)
        if found & _BY_TENANT:
            charge.by_tenant.add(tokens, cost)

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
                if not isinstance(answer, BaseException):
                    del self._sending[place]
                    self._told(charge.held, *answer)
            self._telemetry.charges_waiting.set(len(self._sending))
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer

    async def _send(self, scripts: Scripts, charge: _Charge) -> tuple[Spent, Spent]:
        of_key, of_tenant = charge.held.of_key, charge.held.of_tenant
        answer: Any = await scripts.send(
            _CHARGE,
            (of_key.sums, of_key.spent, of_tenant.sums, of_tenant.spent),
            charge.came_to.tokens,
            charge.came_to.cost,
            charge.by_key.tokens,
            charge.by_key.cost,
            charge.by_tenant.tokens,
            charge.by_tenant.cost,
            _KEEP_S,
            self._name,
            charge.number,
        )
        return Spent(*map(int, answer[:4])), Spent(*map(int, answer[4:]))
