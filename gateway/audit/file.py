"""Audit lines in a folder: a file a day and process, packed when the day is over, deleted in time."""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

_NAME = re.compile(r"audit-(\d{4}-\d\d-\d\d)-\d+\.jsonl(\.gz)?")


def _today() -> date:
    return datetime.now(UTC).date()


class FileSink:
    """Every process has files of its own, so that lines of several never run into one another.

    A process holds a lock on its file; whoever finds a file of an earlier day that nobody holds
    packs it, and deletes what is older than `days`.
    """

    def __init__(self, folder: Path, days: int, today: Callable[[], date] = _today) -> None:
        self._folder = folder
        self._days = days
        self._today = today
        self._day: date | None = None
        self._file: int | None = None
        self._taken = 0
        """Bytes of the current lines that a full disk has taken before it refused the rest."""

    def write(self, lines: Sequence[bytes]) -> None:
        data = memoryview(b"".join(lines))
        file = self._open()
        while self._taken < len(data):
            self._taken += os.write(file, data[self._taken :])
        self._taken = 0

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        """The file of today. Between two halves of a line it does not change."""
        if self._file is not None and (self._day == self._today() or self._taken):
            return self._file
        self.close()
        self._day = self._today()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"audit-{self._day}-{os.getpid()}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._tidy(self._day)
        return self._file

    def _tidy(self, today: date) -> None:
        for path in self._folder.iterdir():
            if not (found := _NAME.fullmatch(path.name)):
                continue
            day = date.fromisoformat(found[1])
            if day < today - timedelta(days=self._days):
                path.unlink(missing_ok=True)
            elif day < today and not found[2]:
                _pack(path)


def _pack(path: Path) -> None:
    """Compress a file that no process writes to any more."""
    with path.open("rb") as plain:
        try:
            fcntl.flock(plain, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        packed = path.with_suffix(".jsonl.gz")
        part = path.with_suffix(".part")
        with gzip.open(part, "wb") as file:
            shutil.copyfileobj(plain, file)
        part.chmod(0o600)
        part.replace(packed)
        path.unlink()
