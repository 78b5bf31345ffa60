"""What those who submit jobs do with them: submit, look, list, cancel; and for operators, requeue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec
from redis.asyncio import Redis

from gateway.errors import CONFLICT, INTERNAL, JOB_NOT_FOUND, OVERLOADED, GatewayError
from gateway.jobs.blobs import Blobs, pack
from gateway.jobs.record import Failure, Job, Order, Status, new_job_id, read_job
from gateway.jobs.scripts import PREFIX, Scripts, reachable
from gateway.settings import JobsSettings

_CANCELLED = Failure(0, "cancelled", "The job was cancelled.", 409)


class JobStore:
    """Every method raises `GatewayError`; with code 2002 where the state store is away."""

    def __init__(self, redis: Redis, settings: JobsSettings) -> None:
        self._redis: Any = redis
        self._settings = settings
        self._scripts = Scripts(redis)
        self._blobs = Blobs(redis)
        self._keep_ms = int(settings.keep_h * 3_600_000)
        self._expire_ms = int(settings.expire_h * 3_600_000)

    async def submit(self, order: Order, job_id: str | None = None) -> tuple[Job, bool]:
        """The job, and whether it is a new one. One with the same id, or the same idempotency key of
        the tenant, is given back as it is; refused where that key came with another body."""
        job_id = job_id or new_job_id()
        body, blobs, digest = await asyncio.to_thread(_packed, order)
        fields = self._fields(order, body, list(blobs)) | {"digest": digest}
        with reachable():
            await self._blobs.keep(blobs, order.tenant, job_id, self._keep_ms + self._expire_ms)
            found = await self._scripts.run(
                "submit",
                job_id,
                order.tenant,
                order.idempotency_key,
                self._settings.window,
                self._settings.max_open,
                *(part for field in fields.items() for part in field),
            )
            if found is None or not found[1]:
                await self._scripts.run("release", job_id, order.tenant, ",".join(blobs))
        if found is None:
            detail = f"There are {self._settings.max_open} unfinished jobs already."
            raise GatewayError(OVERLOADED, detail, retry_after=30)
        if found[2] != fields["digest"]:
            raise GatewayError(CONFLICT, "This Idempotency-Key was used for another request.")
        return await self._load(found[0].decode()), bool(found[1])

    def _fields(self, order: Order, body: bytes, blobs: list[str]) -> dict[str, str | bytes]:
        fields: dict[str, str | bytes] = {
            "body": body,
            "blobs": ",".join(blobs),
            "headers": msgspec.json.encode(order.headers),
            "metadata": msgspec.json.encode(order.metadata),
            "principal": msgspec.json.encode(order.principal),
            "keep": str(self._keep_ms),
            "expires": str(self._expire_ms),
            "allow_degraded": "1" if order.allow_degraded else "0",
        }
        for name in ("wire", "task", "served", "webhook", "batch"):
            fields[name] = getattr(order, name)
        return fields

    async def get(self, job_id: str, tenant: str | None) -> Job:
        """`None` for a tenant is the operator, who sees all."""
        with reachable():
            job = await self._load(job_id)
        if tenant is not None and job.tenant != tenant:
            raise GatewayError(JOB_NOT_FOUND)
        return job

    async def page(
        self, tenant: str | None, *, status: Status | None = None, after: str | None = None, limit: int = 20
    ) -> tuple[list[Job], bool]:
        """The newest first, from behind the job `after`; and whether there are more. Without their
        requests and results."""
        index = f"{PREFIX}{'all' if tenant is None else f'of:{tenant}'}"
        if status == "failed" and tenant is None:
            index = f"{PREFIX}dead"
        found: list[Job] = []
        with reachable():
            start = 0 if after is None else await self._behind(index, after)
            while len(found) <= limit and (ids := await self._redis.zrevrange(index, start, start + 99)):
                start += len(ids)
                jobs = await self._heads([raw.decode() for raw in ids])
                found += [job for job in jobs if status in (None, job.status)]
        return found[:limit], len(found) > limit

    async def _behind(self, index: str, job_id: str) -> int:
        rank = await self._redis.zrevrank(index, job_id)
        if rank is None:
            raise GatewayError(JOB_NOT_FOUND, param="after")
        return int(rank) + 1

    async def cancel(self, job_id: str, tenant: str | None) -> Job:
        """Ends a job that is not finished; any other is given back as it is."""
        await self.get(job_id, tenant)
        with reachable():
            await self._scripts.run("cancel", job_id, msgspec.json.encode(_CANCELLED))
            return await self._load(job_id)

    async def stop(self, job_id: str) -> None:
        """As `cancel`, for one that may not be there."""
        with reachable():
            await self._scripts.run("cancel", job_id, msgspec.json.encode(_CANCELLED))

    async def many(self, ids: Sequence[str]) -> dict[str, Job]:
        """Those of these jobs that are there, by id."""
        with reachable():
            async with self._redis.pipeline(transaction=False) as pipe:
                for job_id in ids:
                    pipe.hgetall(f"{PREFIX}job:{job_id}")
                rows = await pipe.execute()
        return {job.id: job for job in (read_job(row) for row in rows if b"id" in row)}

    async def forget(self, ids: Sequence[str]) -> None:
        """Delete finished jobs."""
        with reachable():
            for start in range(0, len(ids), 1000):
                await self._redis.unlink(*(f"{PREFIX}job:{job_id}" for job_id in ids[start : start + 1000]))

    async def requeue(self, job_id: str) -> bool:
        """Lets a failed job begin anew; false where it has not failed, or its pictures are gone."""
        with reachable():
            return bool(await self._scripts.run("requeue", job_id, self._settings.window))

    async def _load(self, job_id: str) -> Job:
        fields = await self._redis.hgetall(f"{PREFIX}job:{job_id}")
        if b"id" not in fields:
            raise GatewayError(JOB_NOT_FOUND)
        try:
            return read_job(fields)
        except msgspec.DecodeError as error:
            raise GatewayError(INTERNAL, "The job cannot be read.") from error

    async def _heads(self, ids: list[str]) -> list[Job]:
        """Jobs without what is large in them; those that are gone are left out."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hmget(f"{PREFIX}job:{job_id}", _HEAD)
            rows = await pipe.execute()
        fields = [dict(zip(_HEAD, row, strict=True)) for row in rows if row[0] is not None]
        return [read_job({n.encode(): v for n, v in row.items() if v is not None}) for row in fields]


def _packed(order: Order) -> tuple[bytes, dict[str, bytes], bytes]:
    """The body without its long strings, those by their digest, and what the order is known by."""
    body, blobs = pack(order.body)
    told = (order.wire.encode(), order.body, order.webhook.encode())
    return body, blobs, sha256(b"\0".join(told)).hexdigest().encode()


_HEAD = [name for name in Job.__struct_fields__ if name not in ("body", "result", "headers", "token")]
