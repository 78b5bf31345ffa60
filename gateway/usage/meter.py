"""Counts what is used, and carries it on: to the state store each second, to the history each minute."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.call import Call
from gateway.runtime.ending import end
from gateway.settings import UsageSettings
from gateway.telemetry import Telemetry
from gateway.usage.factory import open_history
from gateway.usage.history import Batch, HistoryError
from gateway.usage.rows import Row, Sums, Table, add
from gateway.usage.store import UsageStore

log = logging.getLogger("gateway")

_FLUSH_S = 1.0
_OTHERS = "others"
"""All tenants together that have no metrics of their own."""
_HISTORY_S = 60.0
_AWAY = (RedisError, HistoryError, OSError, TimeoutError)


class Meter:
    """`client` is that of the state store; without one all goes into the history, by default in `folder`."""

    def __init__(
        self, settings: UsageSettings, folder: Path, client: Redis | None, telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._store = UsageStore(client) if client is not None else None
        self._history = open_history(settings, folder)
        self._writer = secrets.token_hex(8)
        self._batches = 0
        self._table: Table = {}
        self._unsent: Batch | None = None
        """On its way, or sent without an answer: it may have arrived, and is sent again as it is."""
        self._turn = asyncio.Lock()
        self._days: set[date] = set()
        self._worker: asyncio.Task[None] | None = None
        self._told: dict[str, _Told] = {}

    def start(self) -> None:
        if self._worker is None and self._settings.enabled:
            self._worker = asyncio.create_task(self._work())

    def count(self, call: Call, *, failed: bool) -> None:
        """One request that has ended. Costs no wait."""
        bill = call.bill
        sums: Sums = [
            1,
            int(failed),
            int(call.notes.cache == "hit"),
            int(call.notes.degraded is not None),
            bill.input_tokens,
            bill.output_tokens,
            bill.image_tokens,
            bill.cached_tokens,
            bill.cost,
            round((time.monotonic() - call.received) * 1000),
        ]
        who = call.principal
        row = Row(str(today()), who.key, who.tenant, bill.model or call.chat.model, call.task or "chat")
        if self._settings.enabled:
            add(self._table, row, sums)
        self._tell(who.tenant, sums)

    async def read(self, since: date, until: date) -> Table:
        """The sums of these days, both included. Raises `redis.RedisError`, `HistoryError`, `OSError`."""
        await self.flush()
        table = await asyncio.to_thread(self._history.read, since, until)
        if self._store is not None:
            table |= await self._store.read(since, until)
        return table

    async def flush(self) -> None:
        """Carry on what was counted; what cannot be is kept for the next time."""
        async with self._turn:
            try:
                while self._unsent or self._table:
                    await self._send(self._unsent or self._next())
            except _AWAY as error:
                log.warning("usage cannot be written: %s", type(error).__name__)

    def _next(self) -> Batch:
        self._batches += 1
        self._unsent, self._table = Batch(self._writer, self._batches, self._table), {}
        return self._unsent

    async def _send(self, batch: Batch) -> None:
        if self._store is not None:
            await self._store.add(batch)
        else:
            await asyncio.to_thread(self._history.add, batch, today())
        self._unsent = None
        self._days |= {date.fromisoformat(row.day) for row in batch.table}

    async def aclose(self) -> None:
        """What was counted is carried on first."""
        if self._worker is None:
            return
        await end([self._worker])
        await self.flush()
        await self._remember()

    async def _work(self) -> None:
        due = time.monotonic() + _HISTORY_S
        while True:
            await asyncio.sleep(_FLUSH_S)
            await self.flush()
            if time.monotonic() >= due:
                due = time.monotonic() + _HISTORY_S
                await self._remember()

    async def _remember(self) -> None:
        """Write the days that have changed into the history, and forget those that are too old."""
        if self._store is None or not self._days:
            return
        days, self._days = self._days, set()
        try:
            table = await self._store.read(min(days), max(days))
            await asyncio.to_thread(self._history.put, table)
            await asyncio.to_thread(self._history.forget, today() - timedelta(self._settings.history_days))
        except _AWAY as error:
            log.warning("the usage history cannot be written: %s", type(error).__name__)
            self._days |= days

    def _tell(self, tenant: str, sums: Sums) -> None:
        """Metrics; the names of tenants are bounded."""
        if tenant not in self._told and len(self._told) >= self._settings.metric_tenants:
            tenant = _OTHERS
        if (told := self._told.get(tenant)) is None:
            told = self._told[tenant] = _Told(self._telemetry, tenant)
        told.tell(sums)


class _Told:
    """The metrics of one tenant; to find them by their labels each time would cost more than to count."""

    def __init__(self, telemetry: Telemetry, tenant: str) -> None:
        self._outcomes = [telemetry.tenant_requests.labels(tenant, outcome) for outcome in ("done", "failed")]
        self._tokens = [telemetry.tenant_tokens.labels(tenant, kind) for kind in ("input", "output", "image")]
        self._cost = telemetry.tenant_cost.labels(tenant)

    def tell(self, sums: Sums) -> None:
        _, failed, _, _, read, written, pictures, _, cost, _ = sums
        self._outcomes[failed].inc()
        for metric, number in zip(self._tokens, (read, written, pictures), strict=True):
            if number:
                metric.inc(number)
        if cost:
            self._cost.inc(cost / 1e9)


def today() -> date:
    return datetime.now(UTC).date()
