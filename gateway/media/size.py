"""The size of a picture as its sender sees it."""

from __future__ import annotations

import io

from PIL import Image

from engine.types import Medium

_ORIENTATION = 0x0112
_LYING = 5
"""EXIF orientations from this one on swap the sides."""


def upright_size(medium: Medium) -> tuple[int, int] | None:
    """Width and height of the original, by its header; of a page of a document, as it was rendered.

    `None` where the model did not see the picture as it was sent: straightened, for one.
    """
    if medium.options.preprocess != "none":
        return None
    try:
        with Image.open(io.BytesIO(medium.data or b"")) as picture:
            width, height = picture.size
            # The method of a PNG would decode all of it to look for EXIF behind its pixels.
            orientation = Image.Image.getexif(picture).get(_ORIENTATION, 1)
            return (height, width) if orientation >= _LYING else (width, height)
    except OSError:
        return medium.frames[0].size if medium.frames else None
