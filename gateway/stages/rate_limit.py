"""Counts a request against the limits of its key, and writes down what it came to when it ends.

It stands outermost, so that a request that is over a limit costs nothing, and its pages and
cached answers count as one request. What pictures and pages need is reserved later; see `quota.py`.
"""

from __future__ import annotations

from contextlib import aclosing

from gateway.accounts.estimate import answer_tokens, cap_answer, text_tokens
from gateway.accounts.limits import Limits
from gateway.accounts.reservation import Reservation
from gateway.accounts.scopes import check_call
from gateway.call import Call, Events
from gateway.errors import GatewayError
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
        held, failed = None, True
        try:
            if limits.anything:
                held = await self._admit(call, limits)
            async with aclosing(await self._inner(call)) as events:
                async for event in events:
                    yield event
            failed = False
        finally:
            if held is not None:
                self._accounts.ledger.settle(held, call.bill.tokens, call.bill.cost)
            self._accounts.meter.count(call, failed=failed)

    async def _admit(self, call: Call, limits: Limits) -> Reservation:
        held = Reservation.begin(call.principal, limits)
        tokens, cost = self._estimate(call, limits)
        try:
            verdict = await self._accounts.limiter.admit(held, call.lease_s, tokens, cost)
        except GatewayError:
            raise
        except BaseException:  # the client left meanwhile: the store may have let it in
            self._accounts.ledger.settle(held, 0, 0)
            raise
        call.reserved = held
        call.notes.limits = verdict.headers(limits)
        return held

    def _estimate(self, call: Call, limits: Limits) -> tuple[int, int]:
        """Tokens and cost of the text and the longest answer. The pages of a plan reserve their own."""
        if call.plan is not None or not limits.counts_tokens:
            return 0, 0
        cap_answer(call, limits)
        prompt, answer = text_tokens(call.chat), answer_tokens(call.chat)
        return prompt + answer, self._accounts.prices.of(call.chat.model, prompt, answer)
