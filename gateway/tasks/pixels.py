"""Places in an answer, from the model's scale of 0 to 1000 to pixels of the original picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

SCALE = 1000
Size = tuple[int, int]


def in_pixels(data: Any, size: Size) -> dict[str, Any]:
    """`boxes` and `points` of all places in `data`, in its order, each with its label if it has one."""
    boxes, points = [], []
    for place in _objects(data):
        label = {"label": place["label"]} if "label" in place else {}
        if (box := _scaled(place.get("bbox_2d"), 4, size)) is not None:
            boxes.append({**label, "box": box})
        if (point := _scaled(place.get("point_2d"), 2, size)) is not None:
            points.append({**label, "point": point})
    return {"boxes": boxes, "points": points}


def _objects(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    children = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    for child in children:
        yield from _objects(child)


def _scaled(place: Any, length: int, size: Size) -> list[int] | None:
    """A place within the picture; `None` where the model gave none that can be one."""
    if not isinstance(place, list) or len(place) != length:
        return None
    if not all(isinstance(value, int | float) for value in place):
        return None
    return [round(min(max(value, 0), SCALE) / SCALE * size[i % 2]) for i, value in enumerate(place)]
