"""Results one by one, to look at them and to say whether they are right."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import date

import msgspec

from gateway.archive import places
from gateway.archive.base import ArchiveError, Store
from gateway.archive.record import Mark, Record, Result, Review, decode_result, decode_review
from gateway.archive.removal import read_records

_SHORT = 12
"""Letters of a digest that are shown, and enough to name it."""


class Wanted(msgspec.Struct, frozen=True):
    """Which results; an empty field wants all."""

    tasks: tuple[str, ...] = ()
    """Names of tasks; `chat` for a plain chat."""
    tenant: str = ""
    since: date | None = None
    until: date | None = None
    """The last day."""
    below: float | None = None
    """Only of a lower confidence; what has none is not meant."""
    marks: tuple[Mark | None, ...] = ()
    """Only those marked so; `None` stands for not yet."""
    id: str = ""
    """The first 12 letters of a result's digest, or more; or the id of a request that got it."""

    def takes(self, record: Record) -> bool:
        if self.tasks and (record.task or "chat") not in self.tasks:
            return False
        if self.tenant and record.tenant != self.tenant:
            return False
        if self.below is not None and (record.confidence is None or record.confidence >= self.below):
            return False
        if not self.id or record.request_id == self.id:
            return True
        return len(self.id) >= _SHORT and record.result.startswith(self.id)

    def takes_day(self, day: str) -> bool:
        return (not self.since or day >= str(self.since)) and (not self.until or day <= str(self.until))


class Case(msgspec.Struct, frozen=True):
    """A result of one tenant, with the latest request that got it."""

    folder: str
    record: Record
    result: Result
    review: Review | None
    times: int
    """Requests that got it."""

    @property
    def id(self) -> str:
        return self.record.result[:_SHORT]

    @property
    def right_answer(self) -> str | None:
        """What is held to be right; `None` where that is not known."""
        if self.review is None or self.review.mark == "wrong":
            return None
        return self.review.answer if self.review.mark == "corrected" else self.result.answer


class Reviewing:
    """Every method raises `ArchiveError`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def cases(self, wanted: Wanted) -> list[Case]:
        """What is wanted, the latest first."""
        found: list[Case] = []
        for folder in [places.folder_of(wanted.tenant)] if wanted.tenant else await self._store.folders():
            found += [case async for case in self._cases(folder, wanted)]
        return sorted(found, key=lambda case: case.record.time, reverse=True)

    async def original(self, case: Case, digest: str) -> bytes | None:
        """The bytes of a medium; `None` where they are gone or were never kept."""
        return await self._store.get(places.original(case.folder, digest))

    async def mark(
        self, case: Case, mark: Mark, answer: str | None = None, by: str = "", note: str = ""
    ) -> Review:
        """Write down what a person thinks of a result; it takes the place of what was thought before.

        Raises `ValueError` for a correction that cannot be one.
        """
        check(case.result, mark, answer)
        review = Review(
            result=case.record.result, mark=mark, answer=answer, by=by, time=time.time(), note=note
        )
        await self._store.put(places.review(case.folder, review.result), msgspec.json.encode(review))
        return review

    async def _cases(self, folder: str, wanted: Wanted) -> AsyncIterator[Case]:
        latest: dict[str, Record] = {}
        times: dict[str, int] = {}
        for record in await self._records(folder, wanted):
            times[record.result] = times.get(record.result, 0) + 1
            if record.result not in latest or record.time > latest[record.result].time:
                latest[record.result] = record
        reviewed = await self._reviewed(folder)
        asked = [one for one in latest.values() if not wanted.marks or _mark(reviewed, one) in wanted.marks]
        results = await self._many(places.result(folder, record.result) for record in asked)
        for record, data in zip(asked, results, strict=True):
            if data is not None:
                review = reviewed.get(record.result)
                yield Case(folder, record, decode_result(data), review, times[record.result])

    async def _records(self, folder: str, wanted: Wanted) -> list[Record]:
        paths = [
            file.path
            async for files in self._store.files(f"{folder}/{places.RECORDS}")
            for file in files
            if wanted.takes_day(places.day_of(file.path))
        ]
        found = await self._many(paths)
        return [record for data in found for record in read_records(data or b"") if wanted.takes(record)]

    async def _reviewed(self, folder: str) -> dict[str, Review]:
        paths = [
            file.path async for files in self._store.files(f"{folder}/{places.REVIEWS}") for file in files
        ]
        reviews = [decode_review(data) for data in await self._many(paths) if data is not None]
        return {review.result: review for review in reviews}

    async def _many(self, paths: Iterable[str]) -> list[bytes | None]:
        return list(await asyncio.gather(*map(self._store.get, paths)))


def check(result: Result, mark: Mark, answer: str | None) -> None:
    """Whether a result may be marked so. Raises `ValueError` with a sentence."""
    if (mark == "corrected") != (answer is not None):
        raise ValueError("a corrected result has an answer, and no other has one")
    if answer is not None and not answer.strip():
        raise ValueError("the corrected answer is empty")
    if answer is not None and (result.response_format or {}).get("type") in ("json_schema", "json_object"):
        try:
            msgspec.json.decode(answer)
        except msgspec.DecodeError as error:
            raise ValueError(f"the corrected answer must be JSON, as the model's is: {error}") from None


def _mark(reviewed: dict[str, Review], record: Record) -> Mark | None:
    review = reviewed.get(record.result)
    return review.mark if review else None


__all__ = ["ArchiveError", "Case", "Reviewing", "Wanted", "check"]
