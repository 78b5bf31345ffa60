"""Tells those who wait for a job that it has changed: one subscription for the whole process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager

import redis as redis_package
from redis.asyncio import Redis

from gateway.jobs.record import Job
from gateway.jobs.scripts import CHANGED
from gateway.jobs.store import JobStore

_PAUSE_S = 0.5
_LOOK_S = 5.0
"""How often a job is looked at even where nothing was heard: a message may be lost with a connection."""


class Hub:
    def __init__(self, redis: Redis, store: JobStore, wait_s: float) -> None:
        self._redis = redis
        self._store = store
        self._wait_s = wait_s
        self._bells: dict[str, set[asyncio.Event]] = {}

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(CHANGED)
                    self._ring_all()
                    while True:
                        if message := await channel.get_message(timeout=self._wait_s):
                            self._ring(message["data"].decode())
            except (redis_package.RedisError, OSError):
                await asyncio.sleep(_PAUSE_S)

    def _ring(self, job_id: str) -> None:
        for bell in self._bells.get(job_id, ()):
            bell.set()

    def _ring_all(self) -> None:
        for job_id in self._bells:
            self._ring(job_id)

    async def watch(self, job: Job) -> AsyncGenerator[Job | None, None]:
        """The job as it is now and at every change that is noticed, until it is finished; `None` where
        a while has passed without one. Raises `GatewayError`."""
        version = -1
        async with aclosing(self.beats(job.id)) as beats:
            async for _ in beats:
                seen = await self._store.get(job.id, job.tenant)
                yield seen if seen.version != version else None
                version = seen.version
                if seen.is_finished:
                    return

    async def beats(self, name: str) -> AsyncGenerator[None, None]:
        """At once, whenever there is news of `name`, and at least every few seconds."""
        with self._bell(name) as bell:
            while True:
                yield
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await bell.wait()
                bell.clear()

    async def news(self, name: str, most_s: float) -> None:
        """Returns when there is news of `name`, and after so many seconds at the latest."""
        with self._bell(name) as bell, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await bell.wait()

    @contextmanager
    def _bell(self, job_id: str) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells.setdefault(job_id, set()).add(bell)
        try:
            yield bell
        finally:
            self._bells[job_id].discard(bell)
            if not self._bells[job_id]:
                del self._bells[job_id]
