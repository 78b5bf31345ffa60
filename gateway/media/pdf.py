"""The process that reads PDFs: questions come in at stdin, answers go out at stdout.

A message is a length of `HEAD` bytes and as many bytes of msgpack. This file is run by its path and
imports little, so that the process starts fast and knows nothing of the gateway.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pypdfium2
import pypdfium2.raw

HEAD = 8
_MEMORY = 2 << 30
"""Bytes of address space that documents may make the process take."""
_POINTS_AN_INCH = 72
_LARGEST_PAGE = 200 * _POINTS_AN_INCH


class Answer(msgspec.Struct):
    value: Any = None
    refusal: str = ""
    """Why there is no value: a sentence for the client."""


class Unreadable(Exception):
    """The document cannot be read; `str()` is a sentence for the client."""


def frame(content: Any) -> bytes:
    body = msgspec.msgpack.encode(content)
    return len(body).to_bytes(HEAD, "big") + body


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
        page = document[index]
        size = page.get_size()
        if not 1 <= max(size) <= _LARGEST_PAGE or max(size) > 200 * min(size):
            raise Unreadable("A page of the document has no sensible size.")
        scale = min(dpi / _POINTS_AN_INCH, longest / max(size))
        picture = page.render(scale=scale, rev_byteorder=True).to_pil().convert("RGB")
    return picture.size, picture.tobytes()


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Unreadable("The document is encrypted.") from None
        raise Unreadable("The document is broken.") from None


_WORKS: dict[str, Callable[..., Any]] = {"count": count, "render": render}


def _answer(question: list[Any]) -> Answer:
    name, *args = question
    try:
        return Answer(_WORKS[name](*args))
    except Unreadable as error:
        return Answer(refusal=str(error))
    except (pypdfium2.PdfiumError, IndexError, ValueError, MemoryError):
        return Answer(refusal="A page of the document is broken.")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    questions, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := questions.read(HEAD):
        question = msgspec.msgpack.decode(questions.read(int.from_bytes(head, "big")))
        answers.write(frame(_answer(question)))
        answers.flush()


if __name__ == "__main__":
    main()
