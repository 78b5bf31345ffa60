"""Pictures and clips for tests, as the data URLs that clients send."""

from __future__ import annotations

import base64
import io
from functools import cache
from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parent.parent / "examples"


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


@cache
def square(colour: str = "red", side: int = 64, kind: str = "PNG") -> str:
    """A data URL of one plain square."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, kind)
    return data_url(buffer.getvalue(), f"image/{kind.lower()}")


@cache
def example(name: str, mime: str = "image/png") -> str:
    """A data URL of a file in `examples/`."""
    return data_url((EXAMPLES / name).read_bytes(), mime)
