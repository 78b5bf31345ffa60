"""The pages of a PDF: what is on them, and their regions drawn."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.reports.boxes import Objects, Text, caption, regions, scan
from gateway.reports.errors import ReportError
from gateway.reports.results import Box, Failure, Region

_LONGEST_PX = 1024
_LARGEST_SCALE = 4.0
"""Pixels a point, at most."""
_MARGIN = 4
"""Points around a region that are drawn with it."""
_FINE = 100
"""PDFium gives places on a page as whole numbers; these are hundredths of a point."""
_PDFIUM = threading.Lock()
"""PDFium works for one thread at a time."""


def find_regions(path: Path) -> tuple[int, list[Region], list[Failure]]:
    """How many pages the document has, all regions in reading order, and pages that cannot be drawn.

    Raises `ReportError`.
    """
    pdfium = _pdfium()
    regions: list[Region] = []
    failures: list[Failure] = []
    try:
        with _PDFIUM, pdfium.PdfDocument(path.read_bytes()) as document:
            for index in range(len(document)):
                try:
                    regions += _of_page(document, index)
                except (pdfium.PdfiumError, MemoryError):
                    failures.append(Failure(index + 1, (0, 0, 0, 0), "the page is broken"))
            return len(document), regions, failures
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}.") from None
    except pdfium.PdfiumError as error:
        raise ReportError(f"{path}: is not a readable PDF: {error}") from None


def regions_at(path: Path, boxes: Mapping[int, Sequence[Box]]) -> list[Region]:
    """The regions at places that are known, given by page. Raises `ReportError`."""
    pdfium = _pdfium()
    found = []
    try:
        with _PDFIUM, pdfium.PdfDocument(path.read_bytes()) as document:
            for number in sorted(boxes):
                page = document[number - 1]
                texts = _texts(page)
                found += [
                    Region(number, box, caption(box, texts), _drawn(page, box)) for box in boxes[number]
                ]
    except (OSError, pdfium.PdfiumError, MemoryError) as error:
        raise ReportError(f"{path}: cannot be read again: {error}") from None
    return found


def _of_page(document: Any, index: int) -> Iterator[Region]:
    page = document[index]
    objects = _objects(page)
    for box in (boxes := regions(objects)):
        yield Region(index + 1, box, caption(box, objects.texts), _drawn(page, box))
    if not boxes and (whole := scan(objects)) is not None:
        yield Region(index + 1, whole, "", _drawn(page, whole, margin=0), scan=True)


def _objects(page: Any) -> Objects:
    from pypdfium2 import raw

    found: dict[int, list[Box]] = {raw.FPDF_PAGEOBJ_PATH: [], raw.FPDF_PAGEOBJ_IMAGE: []}
    for thing in page.get_objects():
        if (boxes := found.get(thing.type)) is not None:
            boxes.append(_on_page(page, _bounds(thing)))
    return Objects(page.get_size(), found[raw.FPDF_PAGEOBJ_PATH], found[raw.FPDF_PAGEOBJ_IMAGE], _texts(page))


def _bounds(thing: Any) -> Box:
    """Where an object lies in the space of the page, through all forms that it is in."""
    box: Box = thing.get_bounds()
    form = thing.container
    while form is not None:
        box = form.get_matrix().on_rect(*box)
        form = form.container
    return box


def _texts(page: Any) -> list[Text]:
    text = page.get_textpage()
    found = []
    for index in range(text.count_rects()):
        box = text.get_rect(index)
        if words := text.get_text_bounded(*box).strip():
            found.append(Text(_on_page(page, box), " ".join(words.split())))
    return found


def _on_page(page: Any, box: Box) -> Box:
    """From the PDF's space (left, bottom, right, top; turned and moved at will) to what one sees."""
    from ctypes import c_int

    from pypdfium2 import raw

    width, height = page.get_size()
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        across, down = c_int(), c_int()
        size = round(width * _FINE), round(height * _FINE)
        raw.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
        corners.append((across.value / _FINE, down.value / _FINE))
    (left, right), (top, bottom) = (sorted(places) for places in zip(*corners, strict=True))
    return left, top, right, bottom


def _drawn(page: Any, box: Box, margin: float = _MARGIN) -> bytes:
    """The region as PNG, its longer side at most `_LONGEST_PX`."""
    width, height = page.get_size()
    left, top = max(0, box[0] - margin), max(0, box[1] - margin)
    right, bottom = min(width, box[2] + margin), min(height, box[3] + margin)
    scale = min(_LARGEST_SCALE, _LONGEST_PX / max(right - left, bottom - top, 1))
    crop = (left, height - bottom, width - right, top)
    picture = page.render(scale=scale, crop=crop, rev_byteorder=True).to_pil().convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _pdfium() -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise ReportError("Reports need the package pypdfium2: pip install pypdfium2") from None
    return pypdfium2
