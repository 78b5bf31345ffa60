"""Answers in Redis or Valkey."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.cache.base import StoreError, StoreStats, Write

_PREFIX = "qwen-vl:answer:"
_BATCH = 500


class RedisStore:
    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, key: str) -> bytes | None:
        with _errors():
            value = await self._client.get(_PREFIX + key)
        return value if isinstance(value, bytes) else None

    async def put(self, writes: Sequence[Write]) -> None:
        with _errors():
            async with self._client.pipeline(transaction=False) as pipe:
                for write in writes:
                    pipe.set(_PREFIX + write.key, write.value, px=max(1, round(write.ttl_s * 1000)))
                await pipe.execute()

    async def purge(self, prefix: str = "") -> int:
        removed = 0
        with _errors():
            async for keys in self._keys(prefix):
                removed += await self._client.unlink(*keys)
        return removed

    async def stats(self) -> StoreStats:
        entries = 0
        with _errors():
            async for keys in self._keys(""):
                entries += len(keys)
            memory = await self._client.info("memory")
        return StoreStats(entries, memory["used_memory"])

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _keys(self, prefix: str) -> AsyncGenerator[list[bytes | str], None]:
        """Batches of keys; other users of the same server are passed over."""
        cursor = 0
        while True:
            cursor, keys = await self._client.scan(cursor, match=f"{_PREFIX}{prefix}*", count=_BATCH)
            if keys:
                yield keys
            if not cursor:
                return


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreError(type(error).__name__) from error
