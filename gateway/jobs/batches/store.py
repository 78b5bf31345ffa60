"""What those who submit batches do with them, and what their driver writes down."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from redis.asyncio import Redis

from gateway.errors import JOB_NOT_FOUND, GatewayError
from gateway.jobs.batches.record import ENDED, Batch, new_batch_id, read_batch
from gateway.jobs.scripts import CHANGED, PREFIX, reachable
from gateway.principal import Principal

_ACTIVE = f"{PREFIX}batches"
NEW = "batches"
"""What is told of when there is a new batch."""
_KEEP_S = 30 * 86_400


class BatchStore:
    """Every method raises `GatewayError`; with code 2002 where the state store is away."""

    def __init__(self, redis: Redis, expire_h: float) -> None:
        self._redis: Any = redis
        self._expire_s = int(expire_h * 3600)

    async def create(
        self, principal: Principal, endpoint: str, file_id: str, metadata: dict[str, str]
    ) -> Batch:
        now, tenant = int(time.time()), principal.tenant
        batch_id = new_batch_id()
        fields = {
            "id": batch_id,
            "tenant": tenant,
            "principal": msgspec.json.encode(principal),
            "status": "validating",
            "endpoint": endpoint,
            "input_file_id": file_id,
            "created_at": now,
            "expires_at": now + self._expire_s,
            "metadata": msgspec.json.encode(metadata),
        }
        with reachable():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(_key(batch_id), mapping=fields)
                pipe.zremrangebyscore(f"{_ACTIVE}:{tenant}", "-inf", now - _KEEP_S)
                pipe.zadd(f"{_ACTIVE}:{tenant}", {batch_id: now})
                pipe.zadd(_ACTIVE, {batch_id: now})
                pipe.publish(CHANGED, NEW)
                await pipe.execute()
        return await self.get(batch_id, tenant)

    async def get(self, batch_id: str, tenant: str | None) -> Batch:
        with reachable():
            fields = await self._redis.hgetall(_key(batch_id))
        if b"id" not in fields or (tenant is not None and fields[b"tenant"] != tenant.encode()):
            raise GatewayError(JOB_NOT_FOUND)
        return read_batch(fields)

    async def page(self, tenant: str, after: str | None, limit: int) -> tuple[list[Batch], bool]:
        """The newest first, from behind `after`; and whether there are more."""
        index = f"{_ACTIVE}:{tenant}"
        with reachable():
            rank = None if after is None else await self._redis.zrevrank(index, after)
            if after is not None and rank is None:
                raise GatewayError(JOB_NOT_FOUND, param="after")
            start = 0 if rank is None else rank + 1
            ids = await self._redis.zrevrange(index, start, start + limit)
            rows = [await self._redis.hgetall(_key(raw.decode())) for raw in ids[:limit]]
        return [read_batch(row) for row in rows if b"id" in row], len(ids) > limit  # old ones are gone

    async def cancel(self, batch_id: str, tenant: str) -> Batch:
        """Its driver will stop it; one that has ended is given back as it is."""
        batch = await self.get(batch_id, tenant)
        if batch.status not in ENDED:
            with reachable():
                await self._redis.hsetnx(_key(batch_id), "cancelling_at", int(time.time()))
        return await self.get(batch_id, tenant)

    async def active(self) -> list[str]:
        """Ids of those that have not ended, the oldest first."""
        with reachable():
            return [raw.decode() for raw in await self._redis.zrange(_ACTIVE, 0, -1)]

    async def write(self, batch: Batch, **fields: Any) -> Batch:
        """The batch with these fields changed."""
        with reachable():
            await self._redis.hset(_key(batch.id), mapping=fields)
        return await self.get(batch.id, None)

    async def end(self, batch: Batch, status: str, **fields: Any) -> None:
        mapping = {"status": status, f"{status}_at": int(time.time()), **fields}
        with reachable():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(_key(batch.id), mapping=mapping)
                pipe.expire(_key(batch.id), _KEEP_S)
                pipe.zrem(_ACTIVE, batch.id)
                await pipe.execute()


def _key(batch_id: str) -> str:
    return f"{PREFIX}batch:{batch_id}"
