"""The statements of the usage history, as far as SQLite and PostgreSQL write them alike."""

# ruff: noqa: S608 - all names in them are ours

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from gateway.usage.rows import DIMENSIONS, FIELDS, Table

WIDTH = len(DIMENSIONS)
_COLUMNS = (*DIMENSIONS, *FIELDS)
_NAMES = ", ".join(_COLUMNS)
_ROW = ", ".join(DIMENSIONS)

TABLES = (
    f"""CREATE TABLE IF NOT EXISTS usage (
        {", ".join(f"{name} TEXT NOT NULL" for name in DIMENSIONS)},
        {", ".join(f"{name} BIGINT NOT NULL DEFAULT 0" for name in FIELDS)},
        PRIMARY KEY ({_ROW}))""",
    """CREATE TABLE IF NOT EXISTS usage_writers (
        writer TEXT PRIMARY KEY, number BIGINT NOT NULL, day TEXT NOT NULL)""",
)


class Sql(msgspec.Struct, frozen=True):
    """`place` is how the database writes a parameter, `largest` how it names the larger of two values."""

    place: str
    largest: str

    @property
    def put(self) -> str:
        return self._into + ", ".join(f"{n} = {self.largest}(usage.{n}, excluded.{n})" for n in FIELDS)

    @property
    def add(self) -> str:
        return self._into + ", ".join(f"{n} = usage.{n} + excluded.{n}" for n in FIELDS)

    @property
    def claim(self) -> str:
        """Changes a row only where the writer's batch is a new one."""
        return (
            f"INSERT INTO usage_writers (writer, number, day) VALUES ({self._places(3)}) "
            "ON CONFLICT (writer) DO UPDATE SET number = excluded.number, day = excluded.day "
            "WHERE usage_writers.number < excluded.number"
        )

    @property
    def read(self) -> str:
        return f"SELECT {_NAMES} FROM usage WHERE day BETWEEN {self.place} AND {self.place}"

    @property
    def forget(self) -> tuple[str, str]:
        return (
            f"DELETE FROM usage WHERE day < {self.place}",
            f"DELETE FROM usage_writers WHERE day < {self.place}",
        )

    @property
    def _into(self) -> str:
        return (
            f"INSERT INTO usage ({_NAMES}) VALUES ({self._places(len(_COLUMNS))}) "
            f"ON CONFLICT ({_ROW}) DO UPDATE SET "
        )

    def _places(self, count: int) -> str:
        return ", ".join([self.place] * count)


def values(table: Table) -> Iterator[tuple[str | int, ...]]:
    """The rows, always in the same order, so that two writers never wait for one another in a circle."""
    for row in sorted(table, key=lambda row: [getattr(row, name) for name in DIMENSIONS]):
        yield (*(getattr(row, name) for name in DIMENSIONS), *table[row])
