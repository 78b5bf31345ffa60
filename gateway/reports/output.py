"""Writes a report as JSON, CSV or an SQLite database. The file is there whole or not at all."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from gateway.client.sheet import harmless
from gateway.reports.errors import ReportError
from gateway.reports.results import Box, Report

_COLUMNS = (
    *("title", "series", "label", "value", "page", "figure", "left", "top", "right", "bottom"),
    *("confidence", "flags"),
)
_SCHEMA = """
CREATE TABLE report (document TEXT, pages INTEGER);
CREATE TABLE figures (figure INTEGER PRIMARY KEY, page INTEGER, "left" REAL, top REAL, "right" REAL,
    bottom REAL, title TEXT, type TEXT, summary TEXT, confidence REAL);
CREATE TABLE points (title TEXT, series TEXT, label TEXT, value REAL,
    figure INTEGER REFERENCES figures(figure), page INTEGER, confidence REAL, conflict INTEGER);
CREATE TABLE flags (flag TEXT, rule TEXT, series TEXT, labels TEXT, pages TEXT, why TEXT);
CREATE TABLE failures (page INTEGER, "left" REAL, top REAL, "right" REAL, bottom REAL, why TEXT);
"""


def check(path: Path) -> None:
    """Whether a report can be written there, before any work is done. Raises `ReportError`."""
    if path.suffix.lower() not in _WRITERS:
        raise ReportError(f"{path}: the output must end in {', '.join(_WRITERS)}.")
    if not path.parent.is_dir():
        raise ReportError(f"{path.parent}: is not a folder.")
    if path.is_dir():
        raise ReportError(f"{path}: is a folder.")


def write(report: Report, path: str | Path) -> None:
    """In the format that the end of `path` says; what was there is replaced. Raises `ReportError`."""
    path = Path(path)
    check(path)
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.unlink(missing_ok=True)
        _WRITERS[path.suffix.lower()](report, draft)
        draft.replace(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise ReportError(f"{path}: cannot be written: {error}") from None


def _json(report: Report, path: Path) -> None:
    content = msgspec.to_builtins(report)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", "utf-8")


def _csv(report: Report, path: Path) -> None:
    """A line for each value, and one without a value for each flag that belongs to none."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(report))


def _rows(report: Report) -> Iterable[dict[str, Any]]:
    held: set[int] = set()
    for series in report.series:
        for point in series.points:
            mine = [
                index
                for index, flag in enumerate(report.flags)
                if flag.series == series.full_name and point.label in flag.labels
            ]
            held.update(mine)
            yield {
                "title": harmless(series.title),
                "series": harmless(series.name),
                "label": harmless(point.label),
                "value": point.value,
                "page": point.page,
                "figure": point.figure,
                **dict(zip(("left", "top", "right", "bottom"), _rounded(point.box), strict=True)),
                "confidence": point.confidence,
                "flags": harmless("; ".join(dict.fromkeys(report.flags[index].flag for index in mine))),
            }
    for index, flag in enumerate(report.flags):
        if index not in held:
            yield {
                "title": harmless(flag.series),
                "label": harmless("; ".join(flag.labels)),
                "page": "; ".join(map(str, flag.pages)),
                "flags": harmless(flag.flag),
            }


def _sqlite(report: Report, path: Path) -> None:
    figures = [
        (f.number, f.page, *_rounded(f.box), f.title, f.type, f.summary, f.confidence) for f in report.figures
    ]
    points = [
        (s.title, s.name, p.label, p.value, p.figure, p.page, p.confidence, conflict)
        for s in report.series
        for conflict, held in ((False, s.points), (True, s.conflicts))
        for p in held
    ]
    flags = [
        (f.flag, f.rule, f.series, json.dumps(f.labels, ensure_ascii=False), json.dumps(f.pages), f.why)
        for f in report.flags
    ]
    failures = [(f.page, *_rounded(f.box), f.why) for f in report.failures]
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SCHEMA)
        with database:
            database.execute("INSERT INTO report VALUES (?, ?)", (report.document, report.pages))
            database.executemany("INSERT INTO figures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", figures)
            database.executemany("INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?)", points)
            database.executemany("INSERT INTO flags VALUES (?, ?, ?, ?, ?, ?)", flags)
            database.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?)", failures)


def _rounded(box: Box) -> tuple[float, ...]:
    return tuple(round(side, 2) for side in box)


_WRITERS: dict[str, Callable[[Report, Path], None]] = {".json": _json, ".csv": _csv, ".sqlite": _sqlite}
