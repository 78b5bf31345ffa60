"""Usage in the state store: a hash for each day, shared by all gateways.

Its fields are the sums, each by its number among `FIELDS` and what it belongs to, and for each
gateway the number of the last batch that it has added.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
from redis.asyncio import Redis

from gateway.usage.history import Batch
from gateway.usage.rows import FIELDS, Row, Table

_PREFIX = "qwen-vl:usage:"
KEPT_DAYS = 40
"""Days for which the store has the figures itself; the history has them for longer."""


class UsageStore:
    """Every method raises `redis.RedisError` where the store is away."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._script = client.register_script((Path(__file__).parent / "add.lua").read_text("utf-8"))

    async def add(self, batch: Batch) -> None:
        """Add to the sums, once, however often it is sent."""
        days: defaultdict[str, list[str | int]] = defaultdict(list)
        for row, sums in batch.table.items():
            name = _field(row)
            for number, amount in enumerate(sums):
                if amount:
                    days[row.day] += (f"{number}{name}", amount)
        for day, amounts in days.items():
            first = (KEPT_DAYS * 24 * 3600, f"by:{batch.writer}", batch.number)
            await self._script([_PREFIX + day], [*first, *amounts])

    async def read(self, since: date, until: date) -> Table:
        """The sums of these days, both included, as far back as they are kept."""
        first = max(since, until - timedelta(days=KEPT_DAYS))
        days = [str(first + timedelta(days=n)) for n in range((until - first).days + 1)]
        async with self._client.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.hgetall(_PREFIX + day)
            hashes: list[dict[bytes, bytes]] = await pipe.execute()
        table: Table = {}
        for day, fields in zip(days, hashes, strict=True):
            for field, amount in fields.items():
                if field.startswith(b"by:"):
                    continue
                number, row = int(field[:1]), _row(day, field[1:])
                table.setdefault(row, [0] * len(FIELDS))[number] = int(amount)
        return table


def _field(row: Row) -> str:
    return msgspec.json.encode([row.key, row.tenant, row.model, row.task]).decode()


def _row(day: str, name: bytes) -> Row:
    parts: Any = msgspec.json.decode(name)
    return Row(day, *parts)
