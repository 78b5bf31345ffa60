"""What a file is, told by its first bytes; names and declared types are not trusted."""

from __future__ import annotations

from typing import Literal, NamedTuple

Format = Literal["JPEG", "PNG", "WEBP", "PDF", "MP4", "WEBM"]

IMAGES: frozenset[str] = frozenset(("JPEG", "PNG", "WEBP"))
VIDEOS: frozenset[str] = frozenset(("MP4", "WEBM"))
DOCUMENTS: frozenset[str] = frozenset(("PDF",))

HEAD = 64
"""How many bytes decide."""
BLANK = b"\xef\xbb\xbf\r\n\t "
"""A byte order mark and white space, which some formats may have before them."""


class Signature(NamedTuple):
    """How files of one kind begin."""

    name: str
    """The format, or what the file is in words, as in "is a GIF", where it is not taken."""
    parts: tuple[tuple[int, bytes], ...]
    """Which bytes stand where, counted from the start."""
    after_blank: bool = False
    """Whether blanks may come before."""

    def matches(self, data: bytes) -> bool:
        head = data[:HEAD].lstrip(BLANK) if self.after_blank else data
        return all(head.startswith(part, at) for at, part in self.parts)


def _foreign(start: bytes, name: str) -> Signature:
    return Signature(name, ((0, start),), after_blank=True)


def _still(brand: bytes, name: str) -> Signature:
    return Signature(name, ((4, b"ftyp"), (8, brand)))


SIGNATURES: tuple[Signature, ...] = (
    Signature("JPEG", ((0, b"\xff\xd8\xff"),)),
    Signature("PNG", ((0, b"\x89PNG\r\n\x1a\n"),)),
    Signature("WEBP", ((0, b"RIFF"), (8, b"WEBP"))),
    _still(b"heic", "a HEIC"),
    _still(b"heix", "a HEIC"),
    _still(b"mif1", "a HEIF"),
    _still(b"avif", "an AVIF"),
    _still(b"avis", "an AVIF"),
    Signature("MP4", ((4, b"ftyp"),)),
    Signature("PDF", ((0, b"%PDF-"),), after_blank=True),
    Signature("WEBM", ((0, b"\x1aE\xdf\xa3"),)),
    _foreign(b"GIF8", "a GIF"),
    _foreign(b"BM", "a BMP"),
    _foreign(b"II*\0", "a TIFF"),
    _foreign(b"MM\0*", "a TIFF"),
    _foreign(b"<svg", "an SVG"),
    _foreign(b"<?xml", "XML"),
    _foreign(b"<!DOCTYPE", "a web page"),
    _foreign(b"<html", "a web page"),
    _foreign(b"PK\x03\x04", "a ZIP archive"),
    _foreign(b"\x1f\x8b", "a gzip archive"),
)
"""Every kind of file that is known, the most frequent first; the first that matches counts."""

TAKEN: frozenset[str] = IMAGES | VIDEOS | DOCUMENTS
UNKNOWN = "of no known format"


def sniff(data: bytes) -> Format | None:
    """The format of a file; `None` for one that is not taken."""
    name = describe(data)
    return name if name in TAKEN else None  # type: ignore[return-value]


def describe(data: bytes) -> str:
    """The format, or what a file that is not taken seems to be, as in "is a GIF"."""
    return next((signature.name for signature in SIGNATURES if signature.matches(data)), UNKNOWN)
