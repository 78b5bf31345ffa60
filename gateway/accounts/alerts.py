"""Tells an address of the operator's when a key, or a tenant, nears the end of a quota."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from gateway.accounts.ledger import Spent
from gateway.accounts.limits import NANO
from gateway.accounts.reservation import Reservation
from gateway.errors import FETCH_FAILED, GatewayError
from gateway.settings import AccountsSettings
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Sends a body to an address and gives back the status. Raises `GatewayError`."""

_TRIES = 4
_DRAIN_S = 3.0
_HEADERS = {"content-type": "application/json"}


class _NotTaken(Exception):
    """The address answered with an error."""


def _may_pass(error: BaseException) -> bool:
    """Whether another try may do better; at an address that is refused it will not."""
    return isinstance(error, _NotTaken) or (isinstance(error, GatewayError) and error.code is FETCH_FAILED)


class Alerts:
    """Each percentage of each quota is told once a month: by the settlement that goes over it."""

    def __init__(self, settings: AccountsSettings, post: Post, telemetry: Telemetry) -> None:
        self._settings = settings
        self._post = post
        self._telemetry = telemetry
        self._sending: set[asyncio.Task[None]] = set()

    def spent(self, held: Reservation, key: Spent, tenant: Spent) -> None:
        """A charge was made to the month of a key and its tenant. Does not wait."""
        for alert in self._crossed(held, key, tenant):
            self._telemetry.quota_alerts.labels(str(alert["percent"])).inc()
            log.warning("%s has used %d %% of its %s", _whose(alert), alert["percent"], alert["quota"])
            if self._settings.alert_url:
                task = asyncio.create_task(self._send(self._settings.alert_url, alert))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

    async def aclose(self) -> None:
        """Alerts on their way get a few seconds."""
        if self._sending:
            _, late = await asyncio.wait(self._sending, timeout=_DRAIN_S)
            for task in late:
                task.cancel()

    def _crossed(self, held: Reservation, key: Spent, tenant: Spent) -> Iterator[dict[str, Any]]:
        limits = held.limits
        quotas = (
            ("monthly_tokens", limits.monthly_tokens, key.tokens_before, key.tokens, 1),
            ("monthly_cost", limits.monthly_cost, key.cost_before, key.cost, NANO),
            ("tenant_monthly_tokens", limits.tenant_tokens, tenant.tokens_before, tenant.tokens, 1),
            ("tenant_monthly_cost", limits.tenant_cost, tenant.cost_before, tenant.cost, NANO),
        )
        for quota, limit, before, after, unit in quotas:
            whose = {"tenant": held.tenant} if quota.startswith("tenant") else _key_of(held)
            for percent in self._settings.alert_at if limit else ():
                if before * 100 < limit * percent <= after * 100:
                    yield {
                        "event": "quota",
                        **whose,
                        "quota": quota,
                        "percent": percent,
                        "used": after / unit,
                        "limit": limit / unit,
                        "month": held.month,
                    }

    async def _send(self, url: str, alert: dict[str, Any]) -> None:
        body = msgspec.json.encode(alert)
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_may_pass),
                stop=stop_after_attempt(_TRIES),
                wait=wait_exponential_jitter(multiplier=0.5, max=10),
                reraise=True,
            ):
                with attempt:
                    if (status := await self._post(url, body, _HEADERS)) >= 300:
                        raise _NotTaken(f"status {status}")
        except (GatewayError, _NotTaken) as error:
            log.error("an alert about %s could not be sent: %s", _whose(alert), error)


def _key_of(held: Reservation) -> dict[str, str]:
    return {"key": held.key, "tenant": held.tenant}


def _whose(alert: dict[str, Any]) -> str:
    return f"key {alert['key']}" if "key" in alert else f"tenant {alert['tenant']!r}"
