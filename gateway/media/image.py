"""Bytes to one upright RGB picture."""

from __future__ import annotations

import hashlib
import io

from PIL import Image, ImageOps

from engine.types import Medium
from gateway.errors import IMAGE_FORMAT, TOO_LARGE, GatewayError
from gateway.settings import MediaSettings

_SIGNATURES = ((b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"))
_SMALLEST = 4
"""Sides below this many pixels hold nothing to see."""


def prepare(medium: Medium, settings: MediaSettings) -> None:
    """Fill in `frames` and `digest` of an image. Raises `GatewayError`."""
    picture = _decode(medium.data or b"", settings)
    medium.frames = (picture,)
    medium.digest = digest(picture)


def digest(picture: Image.Image) -> str:
    """Hex digest over size, mode and pixels."""
    head = f"{picture.width}x{picture.height}:{picture.mode}:".encode()
    return hashlib.blake2b(head + picture.tobytes(), digest_size=20).hexdigest()


def sniff(data: bytes) -> str | None:
    """Pillow's name of the format, from the first bytes; `None` for one that is not taken."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((name for signature, name in _SIGNATURES if data.startswith(signature)), None)


def _decode(data: bytes, settings: MediaSettings) -> Image.Image:
    name = sniff(data)
    if name is None:
        raise GatewayError(IMAGE_FORMAT)
    try:
        with Image.open(io.BytesIO(data), formats=[name]) as opened:
            _check_size(opened.size, settings)
            if max(opened.size) > settings.max_side:
                opened.draft("RGB", (settings.max_side, settings.max_side))
            upright = ImageOps.exif_transpose(opened)
            picture = _rgb(upright)
    except GatewayError:
        raise
    except Exception as error:  # Pillow raises nearly anything on broken files
        raise GatewayError(IMAGE_FORMAT, "An image is broken or cut off.") from error
    if max(picture.size) > settings.max_side:
        picture.thumbnail((settings.max_side, settings.max_side), Image.Resampling.LANCZOS)
    return picture


def _check_size(size: tuple[int, int], settings: MediaSettings) -> None:
    width, height = size
    if width * height > settings.max_pixels_m * 1e6:
        raise GatewayError(TOO_LARGE, f"An image has more than {settings.max_pixels_m:g} million pixels.")
    if min(size) < _SMALLEST:
        raise GatewayError(IMAGE_FORMAT, f"An image is smaller than {_SMALLEST} pixels on a side.")
    if max(size) > 200 * min(size):
        raise GatewayError(IMAGE_FORMAT, "An image is more than 200 times as long as it is wide.")


def _rgb(picture: Image.Image) -> Image.Image:
    """RGB on white; 16-bit grey is scaled down instead of clipped."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        picture = picture.point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")
