"""Reserves what the pictures of a request need, once their sizes are known, and what a page needs."""

from __future__ import annotations

from gateway.accounts.estimate import answer_tokens, media_tokens, text_tokens
from gateway.accounts.reservation import Reservation
from gateway.call import Call, Events
from gateway.stages.base import Handler, Services


class Quota:
    """Raises `GatewayError` where the key has not so much left."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._accounts = services.accounts

    async def __call__(self, call: Call) -> Events:
        held = call.reserved
        if isinstance(held, Reservation) and held.limits.counts_tokens:
            prompt, answer = media_tokens(call.chat), 0
            if call.part:
                prompt, answer = prompt + text_tokens(call.chat), answer_tokens(call.chat)
            if prompt or answer:
                cost = self._accounts.prices.of(call.chat.model, prompt, answer)
                await self._accounts.limiter.extend(held, call.lease_s, prompt + answer, cost)
        return await self._inner(call)
