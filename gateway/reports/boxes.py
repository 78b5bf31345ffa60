"""Which objects of a page belong together. All lengths are points, 72 an inch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from gateway.reports.results import Box

_NEAR = 14
"""Drawings at most so far apart are one."""
_TEXT_NEAR = 8
"""Text at most so far from a drawing belongs to it: labels, printed values."""
_SMALLEST_SIDE = 48
_FEWEST_PATHS = 3
"""A box or a rule alone is no chart."""
_WHOLE = 0.9
"""What covers this much of a page both ways is its ground, or a scan."""
_CAPTION_ABOVE, _CAPTION_BELOW = 40, 24
_SAME_LINE = 12
_INSIDE = 0.8
"""Of a box: what shares more with another lies in it."""
_SPACE = 0.15
"""Of the height of letters: a larger gap between runs is a space."""


class Text(msgspec.Struct, frozen=True):
    """A run of text on one line."""

    box: Box
    text: str


class Objects(msgspec.Struct, frozen=True):
    """What is on a page, by kind."""

    size: tuple[float, float]
    paths: list[Box]
    images: list[Box]
    texts: list[Text]


def regions(page: Objects) -> list[Box]:
    """Where charts may be, in reading order: pictures, and groups of drawn paths with their text."""
    images = [box for box in page.images if not _is_ground(box, page.size)]
    drawn = [
        _with_text(box, page.texts)
        for box, paths in _groups(box for box in page.paths if not _is_ground(box, page.size))
        if paths >= _FEWEST_PATHS
    ]
    clipped = [_clip(box, page.size) for box, _ in _groups([*images, *drawn], near=0)]
    return _in_reading_order(box for box in clipped if _is_large(box))


def scan(page: Objects) -> Box | None:
    """The picture of the whole page, as scanners make it; `None` where there is none."""
    return next((_clip(box, page.size) for box in page.images if _is_ground(box, page.size)), None)


def apart(boxes: Iterable[Box]) -> list[Box]:
    """Boxes in reading order, without those that are small, or lie (nearly) in another: of a chart and its
    legend the chart is left."""
    left: list[Box] = []
    for box in sorted(filter(_is_large, boxes), key=_area, reverse=True):
        if not any(_shared(box, other) > _INSIDE * _area(box) for other in left):
            left.append(box)
    return _in_reading_order(left)


def _in_reading_order(boxes: Iterable[Box]) -> list[Box]:
    return sorted(boxes, key=lambda box: (round(box[1] / _SMALLEST_SIDE), box[0]))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(one: Box, other: Box) -> float:
    return max(0.0, _overlap(one, other, 0)) * max(0.0, _overlap(one, other, 1))


def caption(box: Box, texts: list[Text]) -> str:
    """The line of text right above a region, else right below it; empty where there is none."""
    outside = [t for t in texts if not _touch(t.box, box, -1) and _overlap(t.box, box, 0) > 0]
    above = [t for t in outside if 0 <= box[1] - t.box[3] <= _CAPTION_ABOVE]
    below = [t for t in outside if 0 <= t.box[1] - box[3] <= _CAPTION_BELOW]
    if above:
        return _line(max(above, key=lambda t: t.box[3]), texts)
    return _line(min(below, key=lambda t: t.box[1]), texts) if below else ""


def _line(seed: Text, texts: list[Text]) -> str:
    """The runs that stand on the line of `seed`, close to each other."""
    run, grown = [seed], True
    while grown:
        grown = False
        for text in texts:
            if text not in run and any(_follows(text.box, other.box) for other in run):
                run.append(text)
                grown = True
    run.sort(key=lambda text: text.box[0])
    line = run[0].text
    for before, text in pairwise(run):
        gap = text.box[0] - before.box[2]
        line += (" " if gap > _SPACE * (text.box[3] - text.box[1]) else "") + text.text
    return line


def _follows(one: Box, other: Box) -> bool:
    return _overlap(one, other, 1) > 0 and _touch(one, other, _SAME_LINE)


def _groups(boxes: Iterable[Box], near: float = _NEAR) -> list[tuple[Box, int]]:
    """Boxes around what lies within `near`, each with how many it holds."""
    groups: list[tuple[Box, int]] = []
    for box in boxes:
        merged, count = box, 1
        while touching := [group for group in groups if _touch(group[0], merged, near)]:
            groups = [group for group in groups if group not in touching]
            for other, held in touching:
                merged, count = _around(merged, other), count + held
        groups.append((merged, count))
    return groups


def _with_text(box: Box, texts: list[Text]) -> Box:
    """The box of a drawing and its text: what is in it or close to it, and not wider than it."""
    grown = box
    for text in texts:
        narrow = text.box[2] - text.box[0] <= box[2] - box[0]
        if narrow and _touch(text.box, box, _TEXT_NEAR):
            grown = _around(grown, text.box)
    return grown


def _touch(one: Box, other: Box, near: float) -> bool:
    return _overlap(one, other, 0) >= -near and _overlap(one, other, 1) >= -near


def _overlap(one: Box, other: Box, axis: int) -> float:
    """How far two boxes overlap, from left to right (0) or from top to bottom (1); below 0: the gap."""
    return min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _is_ground(box: Box, size: tuple[float, float]) -> bool:
    return box[2] - box[0] >= _WHOLE * size[0] and box[3] - box[1] >= _WHOLE * size[1]


def _is_large(box: Box) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= _SMALLEST_SIDE


def _clip(box: Box, size: tuple[float, float]) -> Box:
    return max(0.0, box[0]), max(0.0, box[1]), min(size[0], box[2]), min(size[1], box[3])
