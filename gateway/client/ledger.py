"""Where a batch writes its answers, one line each, so that it can go on where it was interrupted."""

from __future__ import annotations

import csv
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from gateway.client.collect import CollectError
from gateway.client.results import Answer
from gateway.client.sheet import harmless

FORMATS = (".jsonl", ".csv", ".parquet")
_COLUMNS = (
    *("id", "task", "answer", "confidence", "data", "pages"),
    *("model", "input_tokens", "output_tokens", "cost", "currency", "finish_reason", "request_id"),
)


class Ledger:
    """`out` itself for JSONL; for CSV and Parquet, `out.journal.jsonl` until `finish` makes `out` of it.

    One process at a time writes it. Raises `CollectError` where another does, where it holds answers
    of another task, or where its format is not known or needs a package that is not there.
    """

    def __init__(self, out: Path, task: str) -> None:
        self._out = out
        self._task = task
        if out.suffix.lower() not in FORMATS:
            raise CollectError(f"{out}: the output must end in {', '.join(FORMATS)}.")
        if out.suffix.lower() == ".parquet":
            _pyarrow()
        self._path = out if out.suffix.lower() == ".jsonl" else out.with_name(f"{out.name}.journal.jsonl")
        self.done: set[str] = set()
        """Ids that have an answer."""
        self._file: BinaryIO | None = None

    def __enter__(self) -> Ledger:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mend()
        except OSError:
            self._file.close()
            raise CollectError(f"{self._path}: another batch writes it just now.") from None
        except CollectError:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _mend(self) -> None:
        """Read what is done; a last line that was cut off is taken away."""
        assert self._file is not None
        self._file.seek(0)
        good = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            self._note(line)
            good += len(line)
        self._file.truncate(good)

    def _note(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            name, task = record["id"], record["task"]
        except (ValueError, KeyError, TypeError):
            raise CollectError(f"{self._path}: is no output of a batch; choose another file.") from None
        if task != self._task:
            raise CollectError(f"{self._path}: holds answers of the task {task}; choose another file.")
        self.done.add(name)

    def write(self, name: str, answer: Answer) -> None:
        """Keep one answer. It is on its way to the disk when this returns."""
        assert self._file is not None
        record = {"id": name, "task": self._task, **msgspec.to_builtins(answer)}
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        self.done.add(name)

    def finish(self) -> None:
        """Make the CSV or Parquet file of all answers; with JSONL there is nothing to do."""
        assert self._file is not None
        os.fsync(self._file.fileno())
        write: dict[str, Callable[[Path, Iterator[dict[str, Any]]], None]]
        write = {".csv": _write_csv, ".parquet": _write_parquet}
        if (kind := write.get(self._out.suffix.lower())) is None:
            return
        draft = self._out.with_name(f"{self._out.name}.part")
        with self._path.open("rb") as lines:
            kind(draft, (_row(json.loads(line)) for line in lines))
        draft.replace(self._out)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a row: what is nested is JSON text."""
    flat = record | record["metadata"] | _cost(record["metadata"])
    row = {name: flat.get(name) for name in _COLUMNS}
    for name in ("data", "pages"):
        row[name] = json.dumps(row[name], ensure_ascii=False) if row[name] else ""
    return row


def _cost(metadata: dict[str, Any]) -> dict[str, Any]:
    cost = metadata.get("cost") or {}
    return {"cost": cost.get("amount"), "currency": cost.get("currency")}


def _write_csv(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> None:
    arrow, parquet = _pyarrow()
    parquet.write_table(arrow.Table.from_pylist(list(rows)), path)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise CollectError("Parquet needs the package pyarrow: pip install pyarrow") from None
    return pyarrow, pyarrow.parquet
