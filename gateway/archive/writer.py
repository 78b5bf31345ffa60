"""Carries answers to the store, in the background, and to the end.

Requests never wait for it and never fail by it. While the store is slow, full or away, answers wait in
memory, up to `archive.waiting` of them with `archive.waiting_mb` of media, and the same ones are offered
again and again; what comes on top is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from gateway.archive import places
from gateway.archive.base import ArchiveError, Store
from gateway.archive.compose import Answered, Composed
from gateway.runtime.ending import end
from gateway.settings import ArchiveSettings
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_BATCH = 256
_BATCH_BYTES = 64_000_000
_COMPANY_S = 0.25
"""How long the first answer waits for others: a file of records each would cost more than the records."""
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
FRESH = timedelta(hours=12)
"""An object put since then is not put again. Older ones are, so that they are not swept away just now."""


class Writer:
    def __init__(
        self,
        store: Store,
        compose: Callable[[Answered], Composed | None],
        settings: ArchiveSettings,
        telemetry: Telemetry,
        pause_s: float = _PAUSE_S,
    ) -> None:
        self._store = store
        self._compose = compose
        self._settings = settings
        self._telemetry = telemetry
        self._pause_s = pause_s
        self._waiting: deque[Answered] = deque()
        self._taken = 0
        """Answers that are being written."""
        self._bytes = 0
        """Of the media of all that is not written yet."""
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._attempt = asyncio.Lock()
        self._forgotten: dict[str, float] = {}
        """Folders of tenants that are to be forgotten, and until when."""
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    def add(self, answered: Answered) -> None:
        """Take an answer over, or drop it where there is no room. Returns at once."""
        open_ones = len(self._waiting) + self._taken
        too_much = self._bytes + answered.bytes > self._settings.waiting_mb * 1e6
        if open_ones >= self._settings.waiting or (too_much and open_ones):
            self._drop("full", 1)
            return
        self._waiting.append(answered)
        self._bytes += answered.bytes
        self._idle.clear()
        self._some.set()
        self._show()

    async def settled(self) -> None:
        """Returns when everything taken so far is written, or was given up."""
        await self._idle.wait()

    async def forget(self, tenant: str) -> None:
        """Write nothing more of what a tenant got until now. Returns when none of it is under way."""
        async with self._attempt:
            self._forgotten[places.folder_of(tenant)] = time.time()

    async def aclose(self) -> None:
        """Write what waits, for a limited time; the rest is dropped and counted."""
        try:
            async with asyncio.timeout(self._settings.drain_s):
                await self.settled()
        except TimeoutError:
            left = len(self._waiting) + self._taken
            self._drop("shutdown", left)
            log.error("%d answers did not reach the archive before the end", left)
        if self._worker is not None:
            await end([self._worker])

    async def _work(self) -> None:
        while True:
            await self._some.wait()
            await asyncio.sleep(_COMPANY_S)
            batch = self._take()
            await self._write_at_last(await asyncio.to_thread(self._composed, batch))
            self._taken = 0
            self._bytes -= sum(answered.bytes for answered in batch)
            if not self._waiting:
                self._some.clear()
                self._idle.set()
            self._show()

    def _take(self) -> list[Answered]:
        batch: list[Answered] = []
        size = 0
        while self._waiting and len(batch) < _BATCH and size < _BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1].bytes
        self._taken = len(batch)
        return batch

    def _composed(self, batch: list[Answered]) -> list[Composed]:
        """What is to be written of them; one that cannot be composed is given up alone."""
        found = []
        for answered in batch:
            try:
                if (composed := self._compose(answered)) is not None:
                    found.append(composed)
            except Exception:
                log.exception("request %s cannot be archived", answered.call.request_id)
                self._drop("broken", 1)
        return found

    async def _write_at_last(self, batch: list[Composed]) -> None:
        """The same objects under the same names until the store has taken them all."""
        name = f"{datetime.now(UTC):%H%M%S}-{secrets.token_hex(8)}"
        pause = self._pause_s
        while True:
            try:
                async with self._attempt:
                    await self._write(batch, name)
                return
            except ArchiveError as error:
                self._telemetry.archive_failures.inc()
                log.error("the archive cannot be written: %s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _write(self, batch: list[Composed], name: str) -> None:
        """Records last: what a record names is there."""
        batch = [one for one in batch if one.ended > self._forgotten.get(one.folder, 0.0)]
        objects = {path: data for one in batch for path, data in one.objects.items()}
        await _all([self._put_once(path, data) for path, data in objects.items()])
        lines: dict[str, list[bytes]] = {}
        for one in batch:
            day = datetime.fromtimestamp(one.ended, UTC).date()
            lines.setdefault(places.records(one.folder, day, name), []).append(one.line)
        await _all([self._put(path, b"".join(some)) for path, some in lines.items()])
        self._telemetry.archive_records.inc(len(batch))

    async def _put_once(self, path: str, data: bytes) -> None:
        put = await self._store.modified(path)
        if put is None or datetime.now(UTC) - put > FRESH:
            await self._put(path, data)

    async def _put(self, path: str, data: bytes) -> None:
        await self._store.put(path, data)
        self._telemetry.archive_bytes.inc(len(data))

    def _drop(self, reason: str, number: int) -> None:
        self._telemetry.archive_dropped.labels(reason).inc(number)

    def _show(self) -> None:
        self._telemetry.archive_waiting.set(len(self._waiting) + self._taken)


async def _all(work: list) -> None:  # type: ignore[type-arg]
    """Wait for all; the first failure is raised when none is under way any more."""
    for found in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(found, BaseException):
            raise found
