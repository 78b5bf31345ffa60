"""What a store of answers is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class StoreStats(msgspec.Struct, frozen=True):
    entries: int = 0
    bytes: int = 0
    """Memory of the whole store, where it says so."""


class Write(msgspec.Struct, frozen=True):
    """An answer in its stored form, on its way into the store."""

    key: str
    value: bytes
    ttl_s: float


class Store(Protocol):
    """Bytes by key. Every method raises `StoreError` where the store is down or slow."""

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, writes: Sequence[Write]) -> None:
        """Write them in one round trip."""
        ...

    async def purge(self, prefix: str = "") -> int:
        """Forget every entry whose key begins so; returns how many there were."""
        ...

    async def stats(self) -> StoreStats: ...

    async def aclose(self) -> None: ...


class StoreError(Exception):
    """The store is down, slow, or refuses to work."""
