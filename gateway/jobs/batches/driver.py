"""Takes batches from one state to the next, one process at a time for each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import redis as redis_package
from redis.asyncio import Redis

from gateway.errors import FILE_NOT_FOUND, OVERLOADED, GatewayError
from gateway.jobs.batches.lines import check, read_slice
from gateway.jobs.batches.output import line_id, write_results
from gateway.jobs.batches.record import ENDED, ENDPOINTS, Batch, LineError
from gateway.jobs.batches.store import NEW, BatchStore
from gateway.jobs.hub import Hub
from gateway.jobs.record import Order
from gateway.jobs.scripts import PREFIX
from gateway.jobs.store import JobStore
from gateway.media.files import FileStore
from gateway.runtime.ending import end

log = logging.getLogger("gateway")

_LOOK_S = 1.0
_LEASE_S = 20.0
_AHEAD = 256
"""Lines of one batch that are jobs at the same time: their pictures lie in the state store."""
_AT_ONCE = 32


class BatchDriver:
    def __init__(
        self, redis: Redis, batches: BatchStore, jobs: JobStore, hub: Hub, files: FileStore, most_bytes: int
    ) -> None:
        self._redis: Any = redis
        self._batches = batches
        self._jobs = jobs
        self._hub = hub
        self._files = files
        self._most_bytes = most_bytes

    async def run(self, may_work: Callable[[], bool]) -> None:
        """Until cancelled."""
        driven: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                if may_work():
                    await self._take(driven)
                await self._hub.news(NEW, _LOOK_S)
        finally:
            await end(driven.values())

    async def _take(self, driven: dict[str, asyncio.Task[None]]) -> None:
        """Begin with every batch that nobody works on."""
        for batch_id in [batch_id for batch_id, task in driven.items() if task.done()]:
            del driven[batch_id]
        try:
            for batch_id in await self._batches.active():
                if batch_id not in driven:
                    driven[batch_id] = asyncio.create_task(self._drive(batch_id))
        except GatewayError as error:
            log.warning("batches: %s", error)

    async def _drive(self, batch_id: str) -> None:
        lease = self._redis.lock(f"{PREFIX}batch:{batch_id}:lease", timeout=_LEASE_S)
        try:
            if not await lease.acquire(blocking=False):
                return
            async with _extended(lease):
                await self._to_its_end(batch_id)
        except (GatewayError, redis_package.RedisError, OSError) as error:
            log.warning("batch %s: will go on later (%s)", batch_id, type(error).__name__)
        except Exception:
            log.exception("batch %s", batch_id)

    async def _to_its_end(self, batch_id: str) -> None:
        batch = await self._batches.get(batch_id, None)
        try:
            path = await asyncio.to_thread(self._files.path, batch.input_file_id, batch.tenant)
        except GatewayError as error:
            if error.code is not FILE_NOT_FOUND:
                raise
            await self._refuse(batch, [LineError("file_not_found", "The input file is gone.")])
            return
        if batch.status == "validating":
            batch = await self._check(batch, path)
        if batch.status in ENDED:
            return
        if batch.status == "in_progress":
            batch = await self._work(batch, path)
        await self._finish(batch, path)

    async def _check(self, batch: Batch, path: Path) -> Batch:
        total, errors = await asyncio.to_thread(check, path, batch.endpoint, self._most_bytes)
        if errors:
            await self._refuse(batch, errors)
            return await self._batches.get(batch.id, None)
        now = int(time.time())
        return await self._batches.write(batch, status="in_progress", in_progress_at=now, total=total)

    async def _refuse(self, batch: Batch, errors: list[LineError]) -> None:
        await self._batches.end(batch, "failed", errors=msgspec.json.encode(errors))

    async def _work(self, batch: Batch, path: Path) -> Batch:
        """Submit the lines, some ahead of the answers, until there are as many outcomes as lines."""
        async with aclosing(self._hub.beats(batch.id)) as beats:
            async for _ in beats:
                batch = await self._batches.get(batch.id, None)
                if batch.cancelling_at is not None or time.time() > batch.expires_at:
                    await self._stop(batch)
                    break
                while batch.fed < batch.total and batch.unfinished <= _AHEAD - _AT_ONCE:
                    batch = await self._feed(batch, path)
                if batch.fed >= batch.total and not batch.unfinished:
                    break
        return await self._batches.write(batch, status="finalizing", finalizing_at=int(time.time()))

    async def _feed(self, batch: Batch, path: Path) -> Batch:
        part = await asyncio.to_thread(read_slice, path, batch.offset, _AT_ONCE)
        for place, line in enumerate(part.lines):
            order = Order(
                principal=batch.principal,
                wire=ENDPOINTS[batch.endpoint],
                body=bytes(line.body),
                batch=batch.id,
            )
            await self._submit(order, line_id(batch.id, batch.fed + place))
        return await self._batches.write(batch, fed=batch.fed + len(part.lines), offset=part.offset)

    async def _submit(self, order: Order, job_id: str) -> None:
        """Waits while the tenant has too many unfinished jobs."""
        while True:
            try:
                await self._jobs.submit(order, job_id)
                return
            except GatewayError as error:
                if error.code is not OVERLOADED:
                    raise
                await asyncio.sleep(_LOOK_S)

    async def _stop(self, batch: Batch) -> None:
        """End the lines that have begun and are not finished."""
        for number in range(batch.fed):
            await self._jobs.stop(line_id(batch.id, number))

    async def _finish(self, batch: Batch, path: Path) -> None:
        status = "completed"
        if batch.succeeded + batch.failed < batch.total:
            status = "cancelled" if batch.cancelling_at is not None else "expired"
        found = await write_results(batch, status, path, self._jobs, self._files)
        await self._batches.end(batch, status, **found)
        await self._jobs.forget([line_id(batch.id, number) for number in range(batch.fed)])


@asynccontextmanager
async def _extended(lease: Any) -> AsyncGenerator[None, None]:
    """Keeps the lease while the body runs; a lease that is lost ends the body."""
    body = asyncio.current_task()
    assert body is not None

    async def extend() -> None:
        while True:
            await asyncio.sleep(_LEASE_S / 4)
            try:
                await lease.extend(_LEASE_S, replace_ttl=True)
            except redis_package.exceptions.LockError:
                body.cancel()
                return
            except redis_package.RedisError:
                continue

    extending = asyncio.create_task(extend())
    try:
        yield
    finally:
        await end([extending])
        try:
            await lease.release()
        except redis_package.RedisError:
            log.debug("a lease has run out")
