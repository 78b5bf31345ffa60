"""Makes figures of the model's answers, and series of figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gateway.client.results import Answer
from gateway.reports.results import Figure, Point, Region, Series


def figure_of(number: int, region: Region, answer: Answer) -> Figure | None:
    """`None` where the answer is not a chart's data, as when it was cut off."""
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("series"), list):
        return None
    title = _text(data.get("title")) or region.caption or f"Page {region.page}, figure {number}"
    return Figure(
        number,
        region.page,
        region.box,
        title,
        _text(data.get("type")) or "other",
        _text(data.get("summary")),
        answer.confidence,
        data,
    )


def merge(figures: Iterable[Figure]) -> list[Series]:
    """Series by title and name, without regard to capitals and spaces; points by label.

    Of two values for one label the one of higher confidence holds; the other is kept as a conflict.
    """
    found: dict[tuple[str, str], Series] = {}
    for figure in figures:
        for name, points in _series(figure):
            key = _key(figure.title), _key(name)
            series = found.setdefault(key, Series(figure.title, name, [], []))
            for point in points:
                _add(series, point)
    return list(found.values())


def _series(figure: Figure) -> Iterable[tuple[str, list[Point]]]:
    for one in figure.data["series"]:
        rows = one.get("points") if isinstance(one, dict) else None
        if isinstance(rows, list):
            yield _text(one.get("name")), [_point(figure, row) for row in rows if isinstance(row, dict)]


def _point(figure: Figure, row: dict[str, Any]) -> Point:
    value = row.get("value")
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return Point(
        _text(row.get("label")),
        value if usable else None,
        figure.number,
        figure.page,
        figure.box,
        figure.confidence,
    )


def _add(series: Series, point: Point) -> None:
    for index, held in enumerate(series.points):
        if held.label == point.label and held.value == point.value:
            return
        if held.label == point.label:
            better, worse = (held, point) if _weight(held) >= _weight(point) else (point, held)
            series.points[index] = better
            if worse.value is not None:
                series.conflicts.append(worse)
            return
    series.points.append(point)


def _weight(point: Point) -> float:
    """A value before none; then by confidence."""
    return -1.0 if point.value is None else point.confidence or 0.0


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
