"""Long strings of a request (pictures, mostly) are kept apart from it, once for all jobs of a tenant.

A body travels between client and worker as it is; in the store, each long string in it is replaced
by `{"$blob": "SHA-256"}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import msgspec
from redis.asyncio import Redis

from gateway.errors import INTERNAL, INVALID_REQUEST, GatewayError
from gateway.jobs.scripts import PREFIX

_MARK = "$blob"
_DEEPEST = 128
_LONG = 2048
"""Characters from which a string is kept apart."""


def pack(body: bytes) -> tuple[bytes, dict[str, bytes]]:
    """The body without its long strings, and those by their digest. Raises `GatewayError`."""
    blobs: dict[str, bytes] = {}

    def take(value: Any, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise GatewayError(INVALID_REQUEST, f"The body of a job is nested over {_DEEPEST} deep.")
        if isinstance(value, dict):
            if _MARK in value:
                raise GatewayError(INVALID_REQUEST, f"A field of a job cannot be called {_MARK}.")
            return {name: take(inner, depth + 1) for name, inner in value.items()}
        if isinstance(value, list):
            return [take(inner, depth + 1) for inner in value]
        if isinstance(value, str) and len(value) >= _LONG:
            data = value.encode()
            digest = sha256(data).hexdigest()
            blobs[digest] = data
            return {_MARK: digest}
        return value

    return msgspec.json.encode(take(msgspec.json.decode(body))), blobs


def digests(body: bytes) -> list[str]:
    """Which long strings a packed body needs."""
    return list(_marks(msgspec.json.decode(body)))


def unpack(body: bytes, blobs: dict[str, bytes]) -> bytes:
    """The body as it was."""

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if _MARK in value:
                return blobs[value[_MARK]].decode()
            return {name: put(inner) for name, inner in value.items()}
        return [put(inner) for inner in value] if isinstance(value, list) else value

    return msgspec.json.encode(put(msgspec.json.decode(body)))


def _marks(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and _MARK in value:
        yield value[_MARK]
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _marks(inner)


class Blobs:
    """The store of long strings. Each knows which jobs use it, and goes with the last of them."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis

    async def keep(self, blobs: dict[str, bytes], tenant: str, job: str, keep_ms: int) -> None:
        """Raises `redis.RedisError`."""
        for digest, data in blobs.items():
            name = _name(tenant, digest)
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(name, data, px=keep_ms)
                pipe.sadd(f"{name}:users", job)
                pipe.pexpire(f"{name}:users", keep_ms)
                await pipe.execute()

    async def body(self, packed: bytes, tenant: str) -> bytes:
        """The whole body. Raises `GatewayError` where a string is gone, and `redis.RedisError`."""
        wanted = digests(packed)
        if not wanted:
            return packed
        found = await self._redis.mget([_name(tenant, digest) for digest in wanted])
        blobs = dict(zip(wanted, found, strict=True))
        if None in found:
            raise GatewayError(INTERNAL, "A picture of the request is no longer kept.")
        return unpack(packed, blobs)


def _name(tenant: str, digest: str) -> str:
    return f"{PREFIX}blob:{tenant}:{digest}"
