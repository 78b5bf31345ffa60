"""Pictures, clips and documents in the form in which they travel.

Pictures larger than the server looks at are scaled down before they are sent; that needs Pillow, and
without it they are sent as they are.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL.Image import Image

Input: TypeAlias = "str | Path | bytes | Image"
"""An address, a path, the bytes of a file, or a Pillow image."""

LONGEST_SIDE = 2048
"""Longer sides are scaled down to this; the server would do it too."""

_TYPES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"%PDF-", "application/pdf"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_ADDRESSES = ("http://", "https://", "data:", "s3://", "oss://")
_UPLOADED = re.compile(r"file-[0-9a-f]{24}")


def sources(images: Input | Sequence[Input]) -> list[str]:
    """What the task API takes in `images`. Raises `OSError` for a file that cannot be read."""
    many = images if isinstance(images, Sequence) and not isinstance(images, str | bytes) else [images]
    return [_source(image) for image in many]


def is_medium(word: str) -> bool:
    """Whether a word names a picture, clip or document: an address, or a file that is there."""
    return is_address(word) or (len(word) < 1000 and Path(word).expanduser().is_file())


def is_address(word: str) -> bool:
    """Whether a word names something that the server finds by itself."""
    return word.lower().startswith(_ADDRESSES) or bool(_UPLOADED.fullmatch(word))


def is_slow(source: str) -> bool:
    """Whether the model takes its time over it: clips and documents."""
    return source.startswith(("data:video/", "data:application/pdf")) or source.lower().endswith(
        (".mp4", ".mov", ".webm", ".pdf")
    )


def _source(image: Input) -> str:
    if isinstance(image, str) and is_address(image):
        return image
    if isinstance(image, str | Path):
        return _from_bytes(Path(image).expanduser().read_bytes())
    if isinstance(image, bytes):
        return _from_bytes(image)
    return _from_picture(image)


def _from_bytes(data: bytes) -> str:
    mime = media_type(data)
    if mime.startswith("image/"):
        data, mime = _fitted(data, mime)
    return _data_url(data, mime)


def media_type(data: bytes) -> str:
    """The MIME type of a file by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return next((mime for head, mime in _TYPES if data.startswith(head)), "application/octet-stream")


def _fitted(data: bytes, mime: str) -> tuple[bytes, str]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return data, mime
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if max(picture.size) <= LONGEST_SIDE:
                return data, mime
            upright = ImageOps.exif_transpose(picture)
            return _encoded(upright), f"image/{_kind(upright)}"
    except Exception:  # Pillow raises nearly anything at broken files; the server says what is wrong with it
        return data, mime


def _from_picture(picture: Image) -> str:
    return _data_url(_encoded(picture), f"image/{_kind(picture)}")


def _encoded(picture: Image) -> bytes:
    """JPEG where nothing of the picture is lost with its transparency, else PNG."""
    if max(picture.size) > LONGEST_SIDE:
        picture = picture.copy()
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    if _kind(picture) == "jpeg":
        picture.save(buffer, "JPEG", quality=95)
    else:
        picture.save(buffer, "PNG")
    return buffer.getvalue()


def _kind(picture: Image) -> str:
    return "jpeg" if picture.mode == "RGB" and max(picture.size) > LONGEST_SIDE // 2 else "png"


def _data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
