"""Works on jobs inside a gateway process, beside the requests that it answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis as redis_package

from gateway.call import Progress
from gateway.errors import UNAVAILABLE, GatewayError
from gateway.jobs.queue import JobQueue
from gateway.jobs.record import Failure, Job
from gateway.jobs.run import Runner, is_overload, may_work_later
from gateway.runtime.ending import end
from gateway.settings import JobsSettings

log = logging.getLogger("gateway")

T = TypeVar("T")

_STORE_PAUSE_S = 0.5
_TIDY_S = 0.5
_LEAVING = Failure.of(GatewayError(UNAVAILABLE, "The process that worked on it was stopped."))


def consumer_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


class Worker:
    """Claims as many jobs as it has hands free, holds them while it works, and gives them back when it
    is to stop."""

    def __init__(self, queue: JobQueue, runner: Runner, settings: JobsSettings, hands: int) -> None:
        self._queue = queue
        self._runner = runner
        self._settings = settings
        self._hands = hands
        self._running: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        """What is worked on, by its token."""
        self._freed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._stopping = False
        self._given_back: set[asyncio.Task[None]] = set()

    async def run(self, may_claim: Callable[[], bool]) -> None:
        """Until it is cancelled; claims only while `may_claim` says so, and never after `stop`."""
        work = (lambda: self._claim(may_claim), self._hold, self._tidy)
        loops = [asyncio.create_task(self._steadily(one)) for one in work]
        try:
            await asyncio.gather(*loops)
        finally:
            await end(loops)

    async def stop(self, seconds: float) -> None:
        """Claim no more, let what runs come to its end, and give the rest back at once."""
        self._stopping = True
        self._freed.set()
        async with self._claiming:
            pass  # what it is just now given is worked on too
        if tasks := [task for _, task in self._running.values()]:
            await asyncio.wait(tasks, timeout=seconds)
        tasks = [task for _, task in self._running.values()]
        await end(tasks)
        await asyncio.gather(*self._given_back, return_exceptions=True)

    async def _steadily(self, work: Callable[[], Awaitable[None]]) -> None:
        """Again and again; a store that is away is waited for."""
        while True:
            try:
                await self._queue.open()
                while True:
                    await work()
            except redis_package.RedisError as error:
                log.warning("jobs: the state store does not answer (%s)", type(error).__name__)
                await asyncio.sleep(_STORE_PAUSE_S)

    async def _claim(self, may_claim: Callable[[], bool]) -> None:
        if self._stopping or not may_claim():
            await asyncio.sleep(_TIDY_S)
            return
        self._freed.clear()
        free = self._hands - len(self._running)
        if free <= 0:
            await self._freed.wait()
            return
        async with self._claiming:
            for job in await self._queue.claim(free):
                self._running[job.token] = (job, asyncio.create_task(self._work(job)))

    async def _hold(self) -> None:
        """A job that is no longer ours (cancelled, or taken over) is stopped."""
        await asyncio.sleep(min(2.0, self._settings.visibility_s / 4))
        for token in await self._queue.hold([job for job, _ in self._running.values()]):
            if token in self._running:
                self._running[token][1].cancel()

    async def _tidy(self) -> None:
        await self._queue.tidy()
        await asyncio.sleep(_TIDY_S)

    async def _work(self, job: Job) -> None:
        try:
            await self._answer(job)
        except asyncio.CancelledError:
            back = asyncio.create_task(self._give_back(job))  # which no further cancellation interrupts
            self._given_back.add(back)
            back.add_done_callback(self._given_back.discard)
        except Exception:
            log.exception("job %s: its outcome could not be recorded", job.id)
        finally:
            del self._running[job.token]
            self._freed.set()

    async def _give_back(self, job: Job) -> None:
        with contextlib.suppress(redis_package.RedisError):  # then it is taken over as one that was lost
            await self._report(lambda: self._queue.put_back(job, 0, _LEAVING, counts=False), tries=2)

    async def _answer(self, job: Job) -> None:
        async def tell(progress: Progress) -> None:
            with contextlib.suppress(redis_package.RedisError):
                await self._queue.progress(job, progress.done, progress.total)

        try:
            body = await self._report(lambda: self._queue.body(job))
            result = await self._runner.run(job, body, tell)
        except GatewayError as error:
            refusal = error
            await self._report(lambda: self._failed(job, refusal))
        else:
            await self._report(lambda: self._queue.succeed(job, result))

    async def _failed(self, job: Job, error: GatewayError) -> bool:
        failure = Failure.of(error)
        if not may_work_later(error):
            return await self._queue.fail(job, failure)
        overload = is_overload(error)
        pause = _pause_s(job, error, self._settings)
        return await self._queue.put_back(job, pause, failure, counts=not overload)

    async def _report(self, send: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
        """Talk to the store until it answers. A report that arrives twice counts once."""
        until = time.monotonic() + self._settings.visibility_s
        while True:
            try:
                return await send()
            except redis_package.RedisError:
                if tries is not None:
                    tries -= 1
                if tries == 0 or time.monotonic() > until + self._settings.answer_timeout_s:
                    raise
                await asyncio.sleep(_STORE_PAUSE_S)


def _pause_s(job: Job, error: GatewayError, settings: JobsSettings) -> float:
    """Exponential with full jitter, and not before the time that a refusal names."""
    longest = min(settings.max_backoff_s, settings.backoff_s * 2 ** min(job.runs, 16))
    return max(0.05, error.retry_after or 0) + random.uniform(0, longest)
