"""Usage in an SQLite file, which outlives the state store's memory of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from gateway.usage.rows import DIMENSIONS, FIELDS, Row, Table

_TABLE = f"""CREATE TABLE IF NOT EXISTS usage (
    {", ".join(f"{name} TEXT NOT NULL" for name in DIMENSIONS)},
    {", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in FIELDS)},
    PRIMARY KEY ({", ".join(DIMENSIONS)})
) WITHOUT ROWID"""
_COLUMNS = ", ".join((*DIMENSIONS, *FIELDS))
_PLACES = ", ".join("?" * len((*DIMENSIONS, *FIELDS)))
_INTO = f"INSERT INTO usage ({_COLUMNS}) VALUES ({_PLACES}) ON CONFLICT DO UPDATE SET "  # noqa: S608
_PUT = _INTO + ", ".join(f"{name} = MAX({name}, excluded.{name})" for name in FIELDS)
_ADD = _INTO + ", ".join(f"{name} = {name} + excluded.{name}" for name in FIELDS)


class History:
    """Its methods block: they are for threads. They raise `sqlite3.Error`, `OSError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, table: Table) -> None:
        """The sums as they stand. Told twice, or by several gateways, nothing counts twice."""
        self._write(_PUT, table)

    def add(self, table: Table) -> None:
        """More of each; for a gateway without a state store, which has the sums nowhere else."""
        self._write(_ADD, table)

    def read(self, since: date, until: date) -> Table:
        if not self._path.exists():
            return {}
        query = f"SELECT {_COLUMNS} FROM usage WHERE day BETWEEN ? AND ?"  # noqa: S608 - names of ours
        width = len(DIMENSIONS)
        with closing(self._open()) as database:
            rows = database.execute(query, (str(since), str(until)))
            return {Row(*row[:width]): list(row[width:]) for row in rows}

    def forget(self, before: date) -> None:
        """Delete what is older."""
        if self._path.exists():
            with closing(self._open()) as database, database:
                database.execute("DELETE FROM usage WHERE day < ?", (str(before),))

    def _write(self, statement: str, table: Table) -> None:
        rows = [(*(getattr(row, name) for name in DIMENSIONS), *sums) for row, sums in table.items()]
        with closing(self._open()) as database, database:
            database.executemany(statement, rows)

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(self._path, timeout=10)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(_TABLE)
        return database
