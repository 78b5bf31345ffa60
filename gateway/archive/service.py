"""The archive of one gateway: takes answers in, writes them, and deletes what is due."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.archive.base import ArchiveError
from gateway.archive.compose import Composer, answered
from gateway.archive.removal import Removed, forget_tenant, tidy
from gateway.archive.store import open_store
from gateway.archive.writer import Writer
from gateway.call import Call, Event
from gateway.models import Models
from gateway.runtime.ending import end
from gateway.safety.base import Safety
from gateway.settings import Settings
from gateway.tasks import Task
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_TIDIED = "tidied"
"""When the archive was last tidied, by whichever gateway."""
_EVERY = timedelta(hours=24)
_LOOK_S = 3600.0


class Archive:
    """`folder` is where `local` lies. Raises `SettingsError`."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        models: Models,
        tasks: Mapping[str, Task],
        safety: Safety,
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings.archive
        self._store = open_store(settings.archive, folder)
        composer = Composer(settings, models, tasks, safety)
        self._writer = Writer(self._store, composer.compose, settings.archive, telemetry)
        self._tidier: asyncio.Task[None] | None = None

    def wants(self, call: Call) -> bool:
        """Whether what is answered to a call is archived."""
        if self._settings.opt_out and call.cache_control.no_store:
            return False
        return not self._settings.tenants or call.tenant in self._settings.tenants

    def keep(self, call: Call, events: Sequence[Event]) -> None:
        """Take over all that was answered. Returns at once."""
        self._writer.add(answered(call, events))

    async def settled(self) -> None:
        """Returns when everything taken so far is written, or was given up."""
        await self._writer.settled()

    async def forget(self, tenant: str) -> Removed:
        """Delete all that there is of a tenant, what waits to be written too. Raises `ArchiveError`."""
        await self._writer.forget(tenant)
        return await forget_tenant(self._store, tenant)

    def start(self) -> None:
        self._writer.start()
        self._tidier = asyncio.create_task(self._tidy_daily())

    async def aclose(self) -> None:
        if self._tidier is not None:
            await end([self._tidier])
        await self._writer.aclose()

    async def _tidy_daily(self) -> None:
        """Once a day by one of all gateways; two at the same time do no harm."""
        while True:
            await asyncio.sleep(random.uniform(0.1, 1) * _LOOK_S)
            try:
                if await self._is_due():
                    await tidy(self._store, self._settings.days)
            except ArchiveError as error:
                log.error("the archive cannot be tidied: %s", error)

    async def _is_due(self) -> bool:
        now = datetime.now(UTC)
        last = await self._store.modified(_TIDIED)
        if last is not None and now - last < _EVERY:
            return False
        await self._store.put(_TIDIED, b"")
        return True
