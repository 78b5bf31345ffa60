"""Where usage lies that outlives the state store's memory of it: an SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import msgspec

from gateway.usage.rows import Row, Table
from gateway.usage.sql import WIDTH, Sql, values


class HistoryError(Exception):
    """The database is away, full or damaged. Its text names the kind of failure, and no address."""


class Batch(msgspec.Struct, frozen=True):
    """Sums that are to be added once, however often they are sent. A writer's numbers grow."""

    writer: str
    number: int
    table: Table


Transaction = Callable[[], AbstractContextManager[Any]]
"""A cursor that knows the tables; what was done by it is kept at the end, all or none of it."""


class History:
    """Its methods block: they are for threads. They raise `HistoryError`."""

    def __init__(self, transaction: Transaction, sql: Sql) -> None:
        self._transaction = transaction
        self._sql = sql

    def put(self, table: Table) -> None:
        """The sums as they stand. Told twice, or by several gateways, nothing counts twice."""
        with self._transaction() as cursor:
            cursor.executemany(self._sql.put, values(table))

    def add(self, batch: Batch, today: date) -> None:
        """More of each; for gateways without a state store, which have the sums nowhere else."""
        with self._transaction() as cursor:
            cursor.execute(self._sql.claim, (batch.writer, batch.number, str(today)))
            if cursor.rowcount:
                cursor.executemany(self._sql.add, values(batch.table))

    def read(self, since: date, until: date) -> Table:
        with self._transaction() as cursor:
            cursor.execute(self._sql.read, (str(since), str(until)))
            return {Row(*row[:WIDTH]): list(row[WIDTH:]) for row in cursor.fetchall()}

    def forget(self, before: date) -> None:
        """Delete what is older."""
        with self._transaction() as cursor:
            for statement in self._sql.forget:
                cursor.execute(statement, (str(before),))
