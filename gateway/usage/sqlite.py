"""The usage history in an SQLite file, which the gateways of one machine may share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from pathlib import Path

from gateway.usage.history import History, HistoryError
from gateway.usage.rows import Table
from gateway.usage.sql import TABLES, Sql

_WAIT_S = 10.0


class Sqlite(History):
    def __init__(self, path: Path) -> None:
        super().__init__(self._begin, Sql("?", "MAX"))
        self._path = path

    def read(self, since: date, until: date) -> Table:
        """Makes no file where there is none."""
        return super().read(since, until) if self._path.exists() else {}

    @contextmanager
    def _begin(self) -> Iterator[sqlite3.Cursor]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as database:
                # It stays with the file, and does not wait where another one is at it just now.
                with suppress(sqlite3.OperationalError):
                    database.execute("PRAGMA journal_mode = WAL")
                for table in TABLES:
                    database.execute(table)
                with database:
                    yield database.cursor()
        except (sqlite3.Error, OSError) as error:
            raise HistoryError(type(error).__name__) from error
