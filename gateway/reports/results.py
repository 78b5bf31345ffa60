"""What comes out of a report. Boxes are left, top, right, bottom in points, from the page's top left."""

from __future__ import annotations

from typing import Any

import msgspec

Box = tuple[float, float, float, float]


class Region(msgspec.Struct, frozen=True):
    """A part of a page that may be a chart, drawn as PNG."""

    page: int
    """From 1."""
    box: Box
    caption: str
    """The line of text next to it; empty where there is none."""
    png: bytes
    scan: bool = False
    """Whether it is a whole page that is nothing but a picture."""


class Figure(msgspec.Struct, frozen=True):
    """One region as the model read it."""

    number: int
    """From 1, in reading order."""
    page: int
    box: Box
    title: str
    """The chart's own, else the caption, else where it stands."""
    type: str
    summary: str
    confidence: float | None
    data: dict[str, Any]
    """The model's answer, in the shape of the task `chart_parse`."""


class Point(msgspec.Struct, frozen=True):
    """One value, and where in the document it is printed."""

    label: str
    value: float | None
    figure: int
    page: int
    box: Box
    confidence: float | None


class Series(msgspec.Struct, frozen=True):
    """The values of one title and name, of all figures that have them."""

    title: str
    name: str
    points: list[Point]
    conflicts: list[Point] = []
    """Other values for a label that is in `points`, from figures of less confidence."""

    @property
    def full_name(self) -> str:
        return f"{self.title}: {self.name}" if self.name else self.title


class Flag(msgspec.Struct, frozen=True):
    """A rule that holds."""

    flag: str
    rule: str
    series: str
    """The series' full name; for one that is missing, the pattern of the rule."""
    labels: list[str]
    pages: list[int]
    why: str


class Failure(msgspec.Struct, frozen=True):
    """A region that has no figure, or a page (with an empty box) that cannot be drawn."""

    page: int
    box: Box
    why: str


class Report(msgspec.Struct, frozen=True):
    document: str
    pages: int
    figures: list[Figure]
    series: list[Series]
    flags: list[Flag]
    failures: list[Failure]
