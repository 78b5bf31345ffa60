"""The usage history in PostgreSQL, for gateways on several machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gateway.settings import SettingsError
from gateway.usage.history import History, HistoryError
from gateway.usage.sql import TABLES, Sql

_CONNECT_S = 5
_STATEMENT_MS, _SILENT_MS = 10_000, 15_000
_OURS = 0x7175_7573
"""Number of the lock under which tables are made: of two that make one at a time, one fails otherwise."""


class Postgres(History):
    """Raises `SettingsError` for what is no address of a database."""

    def __init__(self, url: str) -> None:
        super().__init__(self._begin, Sql("%s", "GREATEST"))
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise SettingsError(
                "usage.history_url is no address, such as postgresql://user:password@host/database"
            ) from None
        self._options: dict[str, Any] = {
            "connect_timeout": _CONNECT_S,
            "tcp_user_timeout": _SILENT_MS,
            "application_name": "qwen-vl-gateway",
            **given,
        }
        self._ready = False

    @contextmanager
    def _begin(self) -> Iterator[psycopg.Cursor[Any]]:
        """A connection lasts for one transaction: there is one a minute, and a server that comes back is
        simply asked again."""
        try:
            with psycopg.connect(**self._options) as database, database.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {_STATEMENT_MS}")
                if not self._ready:
                    self._make_tables(cursor)
                yield cursor
            self._ready = True
        except psycopg.Error as error:
            raise HistoryError(type(error).__name__) from error

    def _make_tables(self, cursor: psycopg.Cursor[Any]) -> None:
        cursor.execute("SELECT to_regclass('usage'), to_regclass('usage_writers')")
        if None not in (cursor.fetchone() or ()):
            return  # made before, perhaps by somebody who may do more than this user
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_OURS,))
        for table in TABLES:
            cursor.execute(table)
