"""What leaves the archive: by its age, or because its tenant is to be forgotten."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.archive import places
from gateway.archive.base import Store, Stored
from gateway.archive.record import Record, decode_record

_GRACE = timedelta(hours=24)
"""What is younger is not swept away: the record that names it may still be on its way. It is longer
than `FRESH` of the writer, which puts older objects again before it names them."""
_TOMBSTONE_STAYS = timedelta(hours=48)
_KINDS = (places.RECORDS, places.ORIGINALS, places.RESULTS, places.REVIEWS)


class Removed(msgspec.Struct):
    """How many objects went, and their size."""

    records: int = 0
    """Files of records; one holds those of some requests."""
    originals: int = 0
    results: int = 0
    reviews: int = 0
    bytes: int = 0

    def add(self, found: list[Stored]) -> None:
        kinds = Counter(one.path.split("/")[1] for one in found)
        for kind in _KINDS:
            setattr(self, kind, getattr(self, kind) + kinds[kind])
        self.bytes += sum(one.bytes for one in found)


async def forget_tenant(store: Store, tenant: str) -> Removed:
    """Delete all that there is of a tenant. Raises `ArchiveError`.

    What another process still had in memory and writes meanwhile goes with the next `tidy`: a
    tombstone says until when all is to go.
    """
    folder, removed = places.folder_of(tenant), Removed()
    tombstone = places.tombstone(folder)
    await store.put(tombstone, datetime.now(UTC).isoformat().encode())
    while found := await _all_but(store, folder, tombstone):
        await store.delete([one.path for one in found])
        removed.add(found)
    return removed


async def _all_but(store: Store, folder: str, path: str) -> list[Stored]:
    return [one async for some in store.files(folder) for one in some if one.path != path]


async def tidy(store: Store, days: int, now: datetime | None = None) -> Removed:
    """Delete what is older than `days` (0: nothing is), and what no record names. Raises `ArchiveError`."""
    now, removed = now or datetime.now(UTC), Removed()
    for folder in await store.folders():
        forgotten = await _forgotten_until(store, folder)
        if days or forgotten:
            await _Sweep(store, folder, days, forgotten, now, removed).run()
        if forgotten and now - forgotten > _TOMBSTONE_STAYS:
            await store.delete([places.tombstone(folder)])
    return removed


async def _forgotten_until(store: Store, folder: str) -> datetime | None:
    data = await store.get(places.tombstone(folder))
    with contextlib.suppress(ValueError):
        return datetime.fromisoformat(data.decode()) if data else None
    return None


class _Sweep:
    """One tenant's folder: records that are due go, and then what none of the others names."""

    def __init__(
        self,
        store: Store,
        folder: str,
        days: int,
        forgotten: datetime | None,
        now: datetime,
        removed: Removed,
    ) -> None:
        self._store = store
        self._folder = folder
        self._oldest = (now - timedelta(days=days)).date() if days else None
        self._forgotten = forgotten.timestamp() if forgotten else 0.0
        self._now = now
        self._removed = removed
        self._named: set[str] = set()

    async def run(self) -> None:
        async for file in self._files(places.RECORDS):
            await self._records(file)
        for kind in (places.ORIGINALS, places.RESULTS, places.REVIEWS):
            due = [
                file
                async for file in self._files(kind)
                if places.digest_of(file.path) not in self._named and self._now - file.modified > _GRACE
            ]
            await self._remove(due)

    async def _files(self, kind: str) -> AsyncIterator[Stored]:
        async for some in self._store.files(f"{self._folder}/{kind}"):
            for file in some:
                yield file

    async def _records(self, file: Stored) -> None:
        if self._oldest and places.day_of(file.path) < str(self._oldest):
            await self._remove([file])
            return
        records = read_records(await self._store.get(file.path) or b"")
        kept = [record for record in records if record.time > self._forgotten]
        if not kept:
            await self._remove([file])
        elif len(kept) < len(records):
            await self._store.put(file.path, b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
        for record in kept:
            self._named.update(record.originals)
            self._named.add(record.result)

    async def _remove(self, files: list[Stored]) -> None:
        if files:
            await self._store.delete([file.path for file in files])
            self._removed.add(files)


def read_records(data: bytes) -> list[Record]:
    """The records of a file; a damaged line is passed over."""
    found = []
    for line in data.splitlines():
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            found.append(decode_record(line))
    return found
