"""Bytes to one upright RGB picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from engine.types import Box, Medium, MediumOptions
from gateway.errors import IMAGE_FORMAT, INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.media import formats, scan
from gateway.media.digest import digest
from gateway.settings import MediaSettings

_SHORTEST_SIDE = 28
"""Shorter sides are scaled up to this: the model's patch has as many pixels."""
LONGEST_SHAPE = 200
"""How many times as long as wide the model takes a picture."""
_TECHNICAL = {
    *("jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform"),
    *("progressive", "progression", "dpi", "gamma", "srgb"),
    *("background", "loop", "timestamp", "duration"),
}
"""What Pillow may know of a file that tells of nothing but how its pixels are written."""
_TECHNICAL_SEGMENTS = {"APP0", "APP14"}
"""Segments of a JPEG for which the same holds: JFIF's and Adobe's."""

cv2.setNumThreads(1)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
Image.MAX_IMAGE_PIXELS = None  # `_check_size` holds the configured limit before anything is decoded


def prepare(medium: Medium, settings: MediaSettings) -> None:
    """Fill in `frames`, `digest` and `as_sent` of an image. Raises `GatewayError`."""
    data, options = medium.data or b"", medium.options
    _finish(medium, decode(data, options, settings), settings)
    if options.preprocess == "none" and not options.redact:
        medium.as_sent = _plain(data, medium.frames[0].size)


def prepare_page(medium: Medium, page: Image.Image, settings: MediaSettings) -> None:
    """As `prepare`, for a page of a document that has been rendered."""
    redact(page, medium.options.redact)
    _finish(medium, page, settings)


def _finish(medium: Medium, picture: Image.Image, settings: MediaSettings) -> None:
    picture = clean(fit(picture, settings), medium.options)
    medium.frames = (picture,)
    medium.digest = digest(medium)


def pixels(data: bytes, settings: MediaSettings) -> int:
    """How many pixels the image has by its header, without decoding it. Raises `GatewayError`."""
    with _open(data) as opened:
        _check_size(opened.size, settings)
        return opened.width * opened.height


def decode(data: bytes, options: MediumOptions, settings: MediaSettings) -> Image.Image:
    """The picture upright, RGB and redacted. Raises `GatewayError`."""
    with _open(data) as opened:
        _check_size(opened.size, settings)
        longest = max(opened.size)
        try:
            picture = _load(opened, data, settings.max_side)
            factor = max(picture.size) / longest
            ImageOps.exif_transpose(picture, in_place=True)
            picture = _rgb(picture)
        except Exception as error:  # Pillow raises nearly anything on broken files
            raise GatewayError(IMAGE_FORMAT, "An image is broken or cut off.") from error
    redact(picture, options.redact, factor)
    return picture


def redact(picture: Image.Image, boxes: tuple[Box, ...], factor: float = 1.0) -> None:
    """Blacken the boxes in place. `factor` is the picture's size relative to the source's.

    Raises `GatewayError` for a box that hits nothing: it was meant to.
    """
    draw = ImageDraw.Draw(picture)
    for number, box in enumerate(boxes):
        left, top = (int(side * factor) for side in box[:2])
        right, bottom = (-int(-side * factor // 1) for side in box[2:])
        if left >= picture.width or top >= picture.height:
            raise GatewayError(INVALID_REQUEST, f"options.redact[{number}] lies outside of an image.")
        draw.rectangle((left, top, right, bottom), fill="black")


def clean(picture: Image.Image, options: MediumOptions) -> Image.Image:
    """The RGB picture as `options.preprocess` asks for."""
    return picture if options.preprocess == "none" else scan.clean(picture, options.preprocess)


def fit(picture: Image.Image, settings: MediaSettings) -> Image.Image:
    """The picture scaled to what the model takes: no longer than its limit, no shorter than a patch."""
    longest, shortest = max(picture.size), min(picture.size)
    factor = min(1.0, settings.max_side / longest)
    if shortest * factor < _SHORTEST_SIDE:
        factor = _SHORTEST_SIDE / shortest
    if factor == 1.0:
        return picture
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def _open(data: bytes) -> Image.Image:
    """The image with its header read and no pixel decoded. Raises `GatewayError`."""
    name = formats.sniff(data)
    if name not in formats.IMAGES:
        what = formats.describe(data) if name is None else f"a {name} file"
        raise GatewayError(IMAGE_FORMAT, f"An image is {what}.")
    try:
        return Image.open(io.BytesIO(data), formats=[name])
    except Exception as error:
        raise GatewayError(IMAGE_FORMAT, "An image is broken or cut off.") from error


def _plain(data: bytes, size: tuple[int, int]) -> str | None:
    """The MIME type of a file that is one RGB or grey picture of this size and nothing beside it: no
    orientation, place or camera, no text, no further frames."""
    with _open(data) as opened:
        segments = {name for name, _ in getattr(opened, "applist", ())}
        chunks = getattr(opened, "text", None) or getattr(opened, "private_chunks", None)
        bare = opened.info.keys() <= _TECHNICAL and segments <= _TECHNICAL_SEGMENTS and not chunks
        still = not getattr(opened, "is_animated", False)
        shown = opened.size == size and opened.mode in ("RGB", "L") and not opened.has_transparency_data
        return f"image/{opened.format or ''}".lower() if bare and still and shown else None


def _check_size(size: tuple[int, int], settings: MediaSettings) -> None:
    if size[0] * size[1] > settings.max_pixels_m * 1e6:
        raise GatewayError(TOO_LARGE, f"An image has more than {settings.max_pixels_m:g} million pixels.")
    if max(size) > LONGEST_SHAPE * min(size):
        detail = f"An image is more than {LONGEST_SHAPE} times as long as it is wide."
        raise GatewayError(IMAGE_FORMAT, detail)


def _load(opened: Image.Image, data: bytes, max_side: int) -> Image.Image:
    """The decoded picture; a JPEG may come at a half, a quarter or an eighth of its size."""
    if opened.format == "WEBP":
        return _load_webp(opened, data)
    if max(opened.size) > max_side:
        opened.draft(None, (max_side, max_side))
    opened.load()
    return opened


def _load_webp(opened: Image.Image, data: bytes) -> Image.Image:
    """By OpenCV, which lets other threads run meanwhile; Pillow's WebP decoder does not."""
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if array is None or array.shape[1::-1] != opened.size:
        raise ValueError("no picture")
    order = cv2.COLOR_BGRA2RGBA if array.shape[2] == 4 else cv2.COLOR_BGR2RGB
    picture = Image.fromarray(cv2.cvtColor(array, order))
    picture.info["exif"] = opened.info.get("exif", b"")
    return picture


def _rgb(picture: Image.Image) -> Image.Image:
    """RGB on white; 16-bit grey is scaled down instead of clipped."""
    if picture.mode.startswith("I"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # which copies in any case
