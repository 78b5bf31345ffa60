"""What runs in the process for documents. It imports little, so that the process starts fast."""

from __future__ import annotations

import resource

import pypdfium2
import pypdfium2.raw

_MEMORY = 2 << 30
"""Bytes of address space that a document may make the process take."""
_POINTS_AN_INCH = 72
_LARGEST_PAGE = 200 * _POINTS_AN_INCH


class Unreadable(Exception):
    """The document cannot be read; `str()` is a sentence for the client."""


def count(data: bytes) -> int:
    """How many pages the document has. Raises `Unreadable`."""
    with _open(data) as document:
        pages = len(document)
    if not pages:
        raise Unreadable("The document has no pages.")
    return pages


def render(data: bytes, index: int, dpi: int, longest: int) -> tuple[tuple[int, int], bytes]:
    """Size and RGB bytes of the page at `index` (from 0), at `dpi` or what `longest` leaves of it.

    Raises `Unreadable`.
    """
    with _open(data) as document:
        try:
            page = document[index]
            size = page.get_size()
            if not 1 <= max(size) <= _LARGEST_PAGE:
                raise Unreadable("A page of the document has no sensible size.")
            scale = min(dpi / _POINTS_AN_INCH, longest / max(size))
            picture = page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB")
        except (pypdfium2.PdfiumError, IndexError, ValueError, MemoryError):
            raise Unreadable("A page of the document is broken.") from None
        return picture.size, picture.tobytes()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Unreadable("The document is encrypted.") from None
        raise Unreadable("The document is broken.") from None
    except MemoryError:
        raise Unreadable("The document takes too much memory.") from None
