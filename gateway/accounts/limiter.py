"""The limits of keys and tenants, held for all gateways together by scripts in the state store."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from redis.exceptions import RedisError

from gateway.accounts.local_limits import LocalLimits
from gateway.accounts.reservation import Account, Reservation
from gateway.accounts.scripts import Script, Scripts
from gateway.accounts.verdict import VERDICTS, Verdict
from gateway.errors import UNAVAILABLE, GatewayError
from gateway.runtime.breaker import Breaker
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_ADMIT = Script("admit")
_LATELY_S = 1.0
_MOST_REFUSED = 10_000


class Limiter:
    """Without a store every limit is that of this process."""

    def __init__(self, scripts: Scripts | None, replicas: int, telemetry: Telemetry) -> None:
        self._scripts = scripts
        self._local = LocalLimits(replicas)
        self._telemetry = telemetry
        self._breaker = Breaker(failures=3, reset_s=2)
        self._refused: dict[str, float] = {}

    def begin(self, held: Reservation, lease_s: float, tokens: int, cost: int) -> Asked:
        """Ask for a request to be counted, and `tokens` and `cost` (in billionths) to be reserved for it.
        Does not wait: other things may be done until the answer is there."""
        return Asked(self, held, tokens, self._send(held, lease_s, tokens, cost, first=True))

    async def admit(self, held: Reservation, lease_s: float, tokens: int, cost: int) -> Verdict:
        """As `begin`, to the end. Raises `GatewayError`."""
        return await self.begin(held, lease_s, tokens, cost).verdict()

    async def extend(self, held: Reservation, lease_s: float, tokens: int, cost: int) -> None:
        """Reserve more for a request that runs. Raises `GatewayError`."""
        asked = self._send(held, lease_s, tokens, cost, first=False) if held.in_store else None
        verdict = await self.heard(asked)
        if verdict is None:
            if held.limits.has_quota:
                raise self._closed()
            verdict = self._local.extend(held.of_key.sums, held.limits, tokens)
        self.judged(verdict, held, tokens)

    def release(self, held: Reservation) -> None:
        """For a reservation that the store knows nothing of."""
        self._local.release(held.of_key.sums, held.id)

    def refused_lately(self, held: Reservation) -> bool:
        """Whether the key was over a limit a moment ago, and probably still is."""
        return time.monotonic() - self._refused.get(held.of_key.sums, float("-inf")) < _LATELY_S

    def judged(self, verdict: Verdict, held: Reservation, tokens: int) -> Verdict:
        """Raises `GatewayError` where it is a refusal."""
        if verdict.over is not None:
            self._telemetry.limited.labels(verdict.told(held.limits)).inc()
            if len(self._refused) >= _MOST_REFUSED:
                self._refused.clear()
            self._refused[held.of_key.sums] = time.monotonic()
            raise verdict.refusal(held.limits, tokens)
        return verdict

    def without_store(self, held: Reservation, tokens: int) -> Verdict:
        """While the store is away, a key with a monthly quota is refused, and others go by this
        process's share of their rates. Raises `GatewayError`."""
        held.in_store = False
        if held.limits.has_quota:
            raise self._closed()
        self._telemetry.store_away.labels("rate_in_process").inc()
        return self._local.admit(held.of_key.sums, held.limits, held.id, tokens)

    async def heard(self, asked: asyncio.Future[Any] | None) -> Verdict | None:
        """What the store says; `None` where it is away."""
        if asked is None:
            return None
        try:
            number, requests, left, retry_ms = map(int, (await asked).split())
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("the state store is away: %s", type(error).__name__)
            return None
        return Verdict(VERDICTS[number], requests, left, None if retry_ms < 0 else retry_ms / 1000)

    def _send(
        self, held: Reservation, lease_s: float, tokens: int, cost: int, *, first: bool
    ) -> asyncio.Future[Any] | None:
        """The store's answer to come; `None` where it is known to be away."""
        if self._scripts is None or not self._breaker.enter():
            return None
        limits = held.limits
        answer = self._scripts.send(
            _ADMIT,
            (*_names(held.of_key), *_names(held.of_tenant)),
            held.id,
            round(lease_s * 1000),
            limits.requests,
            limits.tokens,
            limits.concurrency,
            limits.monthly_tokens,
            limits.monthly_cost,
            limits.tenant_tokens,
            limits.tenant_cost,
            tokens,
            cost,
            int(first),
        )
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled():
            self._breaker.abandoned()
        elif answer.exception() is not None:
            self._breaker.failed()
        else:
            self._breaker.succeeded()

    def _closed(self) -> GatewayError:
        self._telemetry.store_away.labels("quota_closed").inc()
        return GatewayError(
            UNAVAILABLE, "Quotas cannot be checked at the moment.", retry_after=5, rule="quota.store"
        )


class Asked:
    """A request that asks to be let in. Whoever needs to know waits for the same verdict."""

    def __init__(
        self, limiter: Limiter, held: Reservation, tokens: int, answer: asyncio.Future[Any] | None
    ) -> None:
        self._limiter = limiter
        self._held = held
        self._tokens = tokens
        self._answer = answer
        self._verdict: Verdict | GatewayError | None = None

    @property
    def refused(self) -> bool:
        """Whether the verdict was a refusal, so that nothing is held."""
        return isinstance(self._verdict, GatewayError)

    async def verdict(self) -> Verdict:
        """Raises `GatewayError` where the request may not come in."""
        if self._verdict is None:
            heard = await self._limiter.heard(self._answer)
            try:
                if heard is None:
                    heard = self._limiter.without_store(self._held, self._tokens)
                self._verdict = self._limiter.judged(heard, self._held, self._tokens)
            except GatewayError as error:
                self._verdict = error
        if isinstance(self._verdict, GatewayError):
            raise self._verdict
        return self._verdict


def _names(account: Account) -> tuple[str, str, str]:
    return account.sums, account.leases, account.spent
