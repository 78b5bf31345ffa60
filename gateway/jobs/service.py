"""All of jobs in one gateway process: the store, the worker, the hub and the webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.errors import UNAVAILABLE, GatewayError
from gateway.jobs.batches.driver import BatchDriver
from gateway.jobs.batches.store import BatchStore
from gateway.jobs.figures import JobFigures
from gateway.jobs.hub import Hub
from gateway.jobs.queue import JobQueue
from gateway.jobs.run import Runner
from gateway.jobs.store import JobStore
from gateway.jobs.webhooks import Webhooks
from gateway.jobs.worker import Worker, consumer_name
from gateway.models import Models
from gateway.runtime.ending import end
from gateway.stages.base import Handler, Services

_AHEAD = 0.25
"""Of the slots: jobs that are in hand and wait for one."""


class Jobs:
    """`start` and `aclose` frame the process; the rest refuses while there is no state store."""

    def __init__(self, services: Services, handler: Handler) -> None:
        self._parts: _Parts | None = None
        if services.state.enabled:
            self._parts = _Parts(services, handler)

    @property
    def store(self) -> JobStore:
        """Raises `GatewayError` where there is no state store."""
        return self._on.store

    @property
    def batches(self) -> BatchStore:
        return self._on.batches

    @property
    def hub(self) -> Hub:
        return self._on.hub

    @property
    def webhooks(self) -> Webhooks:
        return self._on.webhooks

    @property
    def _on(self) -> _Parts:
        if self._parts is None:
            raise GatewayError(UNAVAILABLE, "Jobs are not kept here: there is no state store (state.url).")
        return self._parts

    def start(self, may_claim: Callable[[], bool]) -> None:
        """Work in the background, on jobs while `may_claim` says so."""
        if self._parts is not None:
            self._parts.start(may_claim)

    async def aclose(self, seconds: float) -> None:
        """Running jobs get so many seconds; the others go back into the queue."""
        if self._parts is not None:
            await self._parts.aclose(seconds)


class _Parts:
    def __init__(self, services: Services, handler: Handler) -> None:
        settings, redis = services.settings, services.state.redis
        jobs = settings.jobs
        wait_s = min(1.0, settings.state.timeout_ms / 2000)
        self.store = JobStore(redis, jobs)
        self.hub = Hub(redis, self.store, wait_s)
        self.webhooks = Webhooks(redis, services.media.fetcher, jobs, services.telemetry)
        self._figures = JobFigures(redis, services.telemetry.registry)
        hands = _hands(services.models) if jobs.workers is None else jobs.workers
        queue = JobQueue(redis, jobs, consumer_name(), wait_s)
        runner = Runner(handler, services)
        self._worker = Worker(queue, runner, jobs, hands) if hands else None
        self.batches = BatchStore(redis, jobs.expire_h)
        most_bytes = int(settings.server.max_body_mb * 1e6)
        files = services.media.files
        self._driver = BatchDriver(redis, self.batches, self.store, self.hub, files, most_bytes)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, may_claim: Callable[[], bool]) -> None:
        work = [self.hub.run(), self.webhooks.run(), self._figures.run()]
        if self._worker is not None:
            work += [self._worker.run(may_claim), self._driver.run(may_claim)]
        self._tasks = [asyncio.create_task(one) for one in work]

    async def aclose(self, seconds: float) -> None:
        if self._worker is not None:
            await self._worker.stop(seconds)
        await end(self._tasks)


def _hands(models: Models) -> int:
    """As many as the engines of the batch lane have slots, which are all its own while nobody else asks, and
    some more: a job in hand has its pictures prepared while it waits, so that no slot stands idle."""
    pools = {id(pool): pool for pool in (model.pool("batch") for model in models)}
    slots = max(1, sum(pool.slots for pool in pools.values()))
    return slots + max(1, round(_AHEAD * slots))
