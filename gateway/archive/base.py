"""What a store of the archive is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class ArchiveError(Exception):
    """The store is away, full, too slow, or refuses; `str()` is one line that says which."""


class Stored(msgspec.Struct, frozen=True):
    path: str
    bytes: int
    modified: datetime


class Store(Protocol):
    """Bytes by path, a path having `/` between its parts. Every method raises `ArchiveError`."""

    async def put(self, path: str, data: bytes) -> None:
        """The object is there whole or not at all, and takes the place of an earlier one."""
        ...

    async def get(self, path: str) -> bytes | None:
        """`None` where there is no such object."""
        ...

    async def modified(self, path: str) -> datetime | None:
        """When it was last put; `None` where there is no such object."""
        ...

    def files(self, prefix: str) -> AsyncIterator[Sequence[Stored]]:
        """All objects below a folder, some at a time."""
        ...

    async def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders right below one."""
        ...

    async def delete(self, paths: Sequence[str]) -> None:
        """Those that are gone already are passed over."""
        ...
