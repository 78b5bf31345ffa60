"""What a file is, told by its first bytes; names and declared types are not trusted."""

from __future__ import annotations

from typing import Literal

Format = Literal["JPEG", "PNG", "WEBP", "PDF", "MP4", "WEBM"]

IMAGES: frozenset[str] = frozenset(("JPEG", "PNG", "WEBP"))
VIDEOS: frozenset[str] = frozenset(("MP4", "WEBM"))

_STARTS: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\x1aE\xdf\xa3", "WEBM"),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"<svg", "an SVG"),
    (b"<?xml", "XML"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
_STILL_BRANDS = {
    b"heic": "a HEIC",
    b"heix": "a HEIC",
    b"mif1": "a HEIF",
    b"avif": "an AVIF",
    b"avis": "an AVIF",
}


def sniff(data: bytes) -> Format | None:
    """The format of a file; `None` for one that is not taken."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return None if data[8:12] in _STILL_BRANDS else "MP4"
    if data[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"%PDF-"):
        return "PDF"
    return next((name for start, name in _STARTS if data.startswith(start)), None)


def describe(data: bytes) -> str:
    """What a file that is not taken seems to be, as in "is a GIF"."""
    if data[4:8] == b"ftyp" and (still := _STILL_BRANDS.get(data[8:12])):
        return still
    head = data[:64].lstrip()
    return next((name for start, name in _FOREIGN if head.startswith(start)), "of no known format")
