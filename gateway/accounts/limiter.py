"""The limits of keys, held for all gateways together by scripts in the state store."""

from __future__ import annotations

import logging
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


class Limiter:
    """Without a store every limit is that of this process."""

    def __init__(self, scripts: Scripts | None, replicas: int, telemetry: Telemetry) -> None:
        self._scripts = scripts
        self._local = LocalLimits(replicas)
        self._telemetry = telemetry
        self._breaker = Breaker(failures=3, reset_s=2)

    async def admit(self, held: Reservation, lease_s: float, tokens: int, cost: int) -> Verdict:
        """Count a request, and reserve `tokens` and `cost` (in billionths) for it.

        While the store is away, a key with a monthly quota is refused, and others go by this
        process's share of their rates. Raises `GatewayError`.
        """
        answer = await self._ask(held, lease_s, tokens, cost, first=True)
        if answer is None:
            held.in_store = False
            answer = self._without_store(held, tokens)
        return self._judged(answer, held, tokens)

    async def extend(self, held: Reservation, lease_s: float, tokens: int, cost: int) -> None:
        """Reserve more for a request that runs. Raises `GatewayError`."""
        answer = await self._ask(held, lease_s, tokens, cost, first=False) if held.in_store else None
        if answer is not None:
            self._judged(answer, held, tokens)
        elif held.limits.has_quota:
            raise self._closed()

    def release(self, held: Reservation) -> None:
        """For a reservation that the store knows nothing of."""
        self._local.release(held.of_key.sums, held.id)

    def _judged(self, verdict: Verdict, held: Reservation, tokens: int) -> Verdict:
        if verdict.over is not None:
            self._telemetry.limited.labels(verdict.told(held.limits)).inc()
            raise verdict.refusal(held.limits, tokens)
        return verdict

    async def _ask(
        self, held: Reservation, lease_s: float, tokens: int, cost: int, *, first: bool
    ) -> Verdict | None:
        """What the store says; `None` where it is away."""
        limits, of_key, of_tenant = held.limits, held.of_key, held.of_tenant
        if self._scripts is None or not self._breaker.enter():
            return None
        try:
            answer: Any = await self._scripts.send(
                _ADMIT,
                (*_names(of_key), *_names(of_tenant)),
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
        except (RedisError, OSError, TimeoutError) as error:
            self._breaker.failed()
            log.warning("the state store is away: %s", type(error).__name__)
            return None
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        number, requests, left, retry_ms = map(int, answer.split())
        return Verdict(VERDICTS[number], requests, left, None if retry_ms < 0 else retry_ms / 1000)

    def _without_store(self, held: Reservation, tokens: int) -> Verdict:
        if held.limits.has_quota:
            raise self._closed()
        self._telemetry.store_away.labels("rate_in_process").inc()
        return self._local.admit(held.of_key.sums, held.limits, held.id, tokens)

    def _closed(self) -> GatewayError:
        self._telemetry.store_away.labels("quota_closed").inc()
        return GatewayError(
            UNAVAILABLE, "Quotas cannot be checked at the moment.", retry_after=5, rule="quota.store"
        )


def _names(account: Account) -> tuple[str, str, str]:
    return account.sums, account.leases, account.spent
