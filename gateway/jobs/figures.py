"""Figures of the queue: read from the store now and then, and shown from memory when they are asked for.

All gateways on one store show the same numbers; whoever adds replicas up takes the largest instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
import redis as redis_package
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis

from gateway.jobs.record import FINISHED
from gateway.jobs.scripts import GROUP, PREFIX, QUEUE

_EVERY_S = 2.0


class Sample(msgspec.Struct, frozen=True):
    """Numbers of jobs, of all tenants together."""

    waiting: int
    """Not begun, or to be tried again."""
    running: int
    dead: int
    """Failed, and kept for an operator to look at."""
    finished: dict[str, int]
    """Ever, by how they ended."""


class JobFigures(Collector):
    """Shows nothing while the store is away: an old number would pass for a new one."""

    def __init__(self, redis: Redis, registry: CollectorRegistry) -> None:
        self._redis: Any = redis
        self._last: Sample | None = None
        registry.register(self)

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            try:
                self._last = await self._read()
            except (redis_package.RedisError, OSError):
                self._last = None
            await asyncio.sleep(_EVERY_S)

    async def _read(self) -> Sample:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hvals(f"{PREFIX}unfinished")
            pipe.zcard(f"{PREFIX}dead")
            pipe.hgetall(f"{PREFIX}finished")
            pipe.xpending(QUEUE, GROUP)
            unfinished, dead, finished, pending = await pipe.execute(raise_on_error=False)
        for reply in (unfinished, dead, finished):
            if isinstance(reply, Exception):
                raise reply
        running = 0 if isinstance(pending, Exception) else pending["pending"]  # there is no queue yet
        return Sample(
            waiting=max(0, sum(map(int, unfinished)) - running),
            running=running,
            dead=dead,
            finished={status: int(finished.get(status.encode(), 0)) for status in FINISHED},
        )

    def describe(self) -> Iterator[Metric]:
        """Nothing: there is no sample at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        if (last := self._last) is None:
            return
        jobs = GaugeMetricFamily("gateway_jobs", "Unfinished jobs in the state store.", labels=("status",))
        jobs.add_metric(("waiting",), last.waiting)
        jobs.add_metric(("running",), last.running)
        yield jobs
        yield GaugeMetricFamily("gateway_jobs_dead", "Failed jobs that may be requeued.", value=last.dead)
        ended = CounterMetricFamily("gateway_jobs_finished", "Jobs by how they ended.", labels=("status",))
        for status, number in sorted(last.finished.items()):
            ended.add_metric((status,), number)
        yield ended
