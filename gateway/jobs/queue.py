"""What workers do with jobs: claim, hold, finish, put back."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from typing import Any

import msgspec
import redis as redis_package
from redis.asyncio import Redis

from gateway.errors import ENGINE_FAILED, TIMEOUT, GatewayError
from gateway.jobs.blobs import Blobs
from gateway.jobs.record import Failure, Job, pairs, read_job
from gateway.jobs.scripts import GROUP, QUEUE, Scripts
from gateway.settings import JobsSettings

log = logging.getLogger("gateway")

_LOST = Failure.of(GatewayError(ENGINE_FAILED, "The job was lost with its process too often."))
_EXPIRED = Failure.of(GatewayError(TIMEOUT, "The job could not be answered in time."))


class JobQueue:
    """One worker process at the queue. Every method raises `redis.RedisError`."""

    def __init__(self, redis: Redis, settings: JobsSettings, consumer: str, wait_s: float) -> None:
        self._redis: Any = redis
        self._block_ms = max(1, int(wait_s * 1000))
        self._settings = settings
        self._consumer = consumer
        self._scripts = Scripts(redis)
        self._blobs = Blobs(redis)
        self._looked_to: bytes | str = "0-0"

    async def open(self) -> None:
        """Make the queue where there is none yet."""
        try:
            await self._redis.xgroup_create(QUEUE, GROUP, id="0", mkstream=True)
        except redis_package.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def claim(self, most: int) -> list[Job]:
        """Up to so many jobs: those whose worker gave no sign of life, then new ones. Waits a while
        where there are none."""
        entries = await self._abandoned(most)
        if not entries:
            entries = await self._new(most)
        jobs = [await self._begin(entry, fields[b"id"].decode()) for entry, fields in entries]
        return [job for job in jobs if job is not None]

    async def _abandoned(self, most: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        idle = int(self._settings.visibility_s * 1000)
        found = await self._redis.xautoclaim(
            QUEUE, GROUP, self._consumer, min_idle_time=idle, start_id=self._looked_to, count=most
        )
        # Redis looks at a part of what is pending; the next call goes on behind it, or from the start.
        self._looked_to = found[0]
        return [(entry, fields) for entry, fields in found[1] if fields]

    async def _new(self, most: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        found = await self._redis.xreadgroup(
            GROUP, self._consumer, {QUEUE: ">"}, count=most, block=self._block_ms
        )
        streams = found.items() if isinstance(found, dict) else found or ()
        return [entry for _, entries in streams for entry in entries]

    async def _begin(self, entry: bytes, job_id: str) -> Job | None:
        """`None` where there is nothing to do. A job that this version cannot read keeps no other from its
        turn: it is left to another process, and put aside when as many could not read it as may be lost."""
        found = await self._scripts.run(
            "begin",
            job_id,
            entry,
            secrets.token_hex(8),
            self._settings.max_crashes,
            msgspec.json.encode(_LOST),
            msgspec.json.encode(_EXPIRED),
        )
        try:
            return None if found is None else read_job(pairs(found))
        except msgspec.DecodeError:
            log.exception("job %s cannot be read", job_id)
            return None

    async def body(self, job: Job) -> bytes:
        """The request, whole. Raises `GatewayError` where it is gone."""
        return await self._blobs.body(job.body, job.tenant)

    async def hold(self, jobs: Iterable[Job]) -> set[str]:
        """A sign of life for these; the tokens of those that are no longer this worker's."""
        held = [part for job in jobs for part in (job.id, job.token)]
        lost = await self._scripts.run("hold", self._consumer, *held) if held else []
        return {token.decode() for token in lost}

    async def succeed(self, job: Job, result: bytes) -> bool:
        """Record the result; false where the job was no longer this worker's, and nothing is recorded."""
        return bool(await self._scripts.run("finish", job.id, job.token, "succeeded", "result", result))

    async def fail(self, job: Job, failure: Failure) -> bool:
        reason = msgspec.json.encode(failure)
        return bool(await self._scripts.run("finish", job.id, job.token, "failed", "error", reason))

    async def put_back(self, job: Job, pause_s: float, failure: Failure, *, counts: bool) -> bool:
        """For another try after a pause; one that `counts` is the last when there were enough."""
        most = self._settings.max_attempts
        return bool(
            await self._scripts.run(
                "again",
                job.id,
                job.token,
                int(pause_s * 1000),
                int(counts),
                most,
                msgspec.json.encode(failure),
            )
        )

    async def progress(self, job: Job, done: int, total: int) -> None:
        await self._scripts.run("progress", job.id, job.token, done, total)

    async def tidy(self) -> None:
        """Bring back those whose pause is over, and clear up behind what is gone."""
        expire_h = self._settings.keep_h + 2 * self._settings.expire_h
        await self._scripts.run("promote", int(expire_h * 3_600_000))
