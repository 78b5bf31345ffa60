"""Charts and tables on scanned pages, found by the model's grounding: a picture has no objects to go by."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.client import AsyncQwenVLClient
from gateway.client.results import Answer
from gateway.reports.boxes import apart
from gateway.reports.pages import regions_at
from gateway.reports.results import Box, Failure, Region

_QUESTION = "Locate every chart and every table."


async def find_on_scans(
    path: Path, scans: Sequence[Region], client: AsyncQwenVLClient, at_once: int
) -> tuple[list[Region], list[Failure]]:
    """The regions on these pages, each page being one region, and pages that could not be looked at.

    A page on which the model finds nothing has no region. Raises `ReportError` as `regions_at`.
    """
    found: dict[int, list[Box]] = {}
    failures: list[Failure] = []
    requests = ({"images": page.png, "question": _QUESTION, "task": "grounding"} for page in scans)
    async for outcome in client.batch(requests, at_once=at_once):
        page = scans[outcome.index]
        boxes = None if outcome.answer is None else _boxes(outcome.answer)
        if boxes is None:
            why = outcome.error or "the answer says of no places"
            failures.append(Failure(page.page, page.box, f"charts could not be looked for: {why}"))
        else:
            found[page.page] = apart([_on_page(box, page) for box in boxes])
    return await asyncio.to_thread(regions_at, path, found), failures


def _boxes(answer: Answer) -> list[Box] | None:
    """Boxes in pixels of the picture that was sent; `None` where the answer broke off."""
    places = answer.data.get("boxes") if isinstance(answer.data, dict) else None
    if not isinstance(places, list):
        return None
    return [box for place in places if (box := _box(place)) is not None]


def _box(place: Any) -> Box | None:
    corners = place.get("box") if isinstance(place, dict) else None
    if not isinstance(corners, list) or len(corners) != 4:
        return None
    if not all(isinstance(corner, int | float) for corner in corners):
        return None
    left, top, right, bottom = map(float, corners)
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _on_page(box: Box, page: Region) -> Box:
    """From pixels of the page's picture to points of the page."""
    width, height = struct.unpack(">II", page.png[16:24])  # as the head of every PNG has it
    across, down = (page.box[2] - page.box[0]) / width, (page.box[3] - page.box[1]) / height
    left, top = page.box[:2]
    return left + box[0] * across, top + box[1] * down, left + box[2] * across, top + box[3] * down
