"""Settings to the usage history."""

from __future__ import annotations

from pathlib import Path

from gateway.settings import SettingsError, UsageSettings
from gateway.usage.history import History
from gateway.usage.sqlite import Sqlite


def open_history(settings: UsageSettings, folder: Path) -> History:
    """The configured one; nothing is connected yet. Raises `SettingsError`."""
    if settings.history_url is None:
        return Sqlite(folder / "usage.db")
    try:
        from gateway.usage.postgres import Postgres
    except ImportError:
        raise SettingsError(
            "usage.history_url needs psycopg: pip install 'qwen-vl-gateway[postgres]'"
        ) from None
    return Postgres(settings.history_url.get_secret_value())
