"""Counts a request against the limits of its key, and writes down what it came to when it ends.

It stands outermost, so that its pages and cached answers count as one request. What pictures and
pages need is reserved later; see `quota.py`.

The verdict of the state store and the answer cache's are waited for together: a request that holds all
that its cache key is made of goes on while the store is asked, and is held up before anything that
costs; see `cache.py`. One that has something to fetch waits here, and so does one whose key was over a
limit a moment ago, so that a flood costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import aclosing

from engine.types import Medium
from gateway.accounts.accounts import Accounts
from gateway.accounts.estimate import answer_tokens, cap_answer, text_tokens
from gateway.accounts.limiter import Asked
from gateway.accounts.limits import Limits
from gateway.accounts.reservation import Reservation
from gateway.accounts.scopes import check_call
from gateway.call import Call, Events
from gateway.stages.base import Handler, Services


class RateLimit:
    """Raises `GatewayError` for a request that its key may not make, or not now."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._accounts = services.accounts

    async def __call__(self, call: Call) -> Events:
        check_call(call, self._accounts.tier(call.principal))
        return self._counted(call, self._accounts.limits(call.principal))

    async def _counted(self, call: Call, limits: Limits) -> Events:
        entry, failed = None, True
        try:
            if limits.anything:
                entry = call.entry = self._ask(call, limits)
                if call.plan is not None or entry.doubtful or not _is_whole(call.media):
                    await entry.admitted()
            async with aclosing(await self._inner(call)) as events:
                async for event in events:
                    yield event
            failed = False
        finally:
            if entry is not None:
                entry.leave()
            self._accounts.meter.count(call, failed=failed)

    def _ask(self, call: Call, limits: Limits) -> _Entry:
        held = Reservation.begin(call.principal, limits)
        doubtful = self._accounts.limiter.refused_lately(held)
        tokens, cost = self._estimate(call, limits)
        asked = self._accounts.limiter.begin(held, call.lease_s, tokens, cost)
        call.reserved = held
        return _Entry(self._accounts, call, held, asked, doubtful=doubtful)

    def _estimate(self, call: Call, limits: Limits) -> tuple[int, int]:
        """Tokens and cost of the text and the longest answer. The pages of a plan reserve their own."""
        if call.plan is not None or not limits.counts_tokens:
            return 0, 0
        cap_answer(call, limits)
        prompt, answer = text_tokens(call.chat), answer_tokens(call.chat)
        return prompt + answer, self._accounts.prices.of(call.chat.model, prompt, answer)


class _Entry:
    """The entry of one call; see `gateway.call.Entry`."""

    def __init__(
        self, accounts: Accounts, call: Call, held: Reservation, asked: Asked, *, doubtful: bool
    ) -> None:
        self._accounts = accounts
        self._call = call
        self._held = held
        self._asked = asked
        self.doubtful = doubtful
        self._known = False

    async def admitted(self) -> None:
        if not self._known:
            verdict = await self._asked.verdict()
            self._call.notes.limits = verdict.headers(self._held.limits)
            self._known = True

    def leave(self) -> None:
        """The call has ended. One that left before its verdict may have been let in meanwhile."""
        if not self._asked.refused:
            self._accounts.ledger.settle(self._held, self._call.bill.tokens, self._call.bill.cost)


def _is_whole(media: Iterable[Medium]) -> bool:
    """Whether the request itself holds the bytes of all its media."""
    parts = (part for medium in media for part in (medium.parts or (medium,)))
    return all(part.data is not None or part.source.startswith("data:") for part in parts)
