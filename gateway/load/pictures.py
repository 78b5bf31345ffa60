"""Pictures, pages and clips that differ in every pixel block, so that no cache of any server knows them."""

from __future__ import annotations

import base64
import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image

_CELL = 16
"""Side in pixels of the random tiles: noise of single pixels would make files no camera makes."""


def picture(width: int, height: int, seed: int) -> Image.Image:
    tiles = np.random.default_rng(seed).integers(0, 256, (-(-height // _CELL), -(-width // _CELL), 3))
    return Image.fromarray(tiles.astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)


def jpeg(width: int, height: int, seed: int) -> str:
    """A picture as a data URL: about 90 kB a megapixel, as photographs are."""
    file = io.BytesIO()
    picture(width, height, seed).save(file, "JPEG", quality=85)
    return data_url("image/jpeg", file.getvalue())


def pdf(pages: int, seed: int) -> str:
    """A document of pictures as a data URL."""
    file = io.BytesIO()
    sheets = [picture(620, 877, seed * pages + number) for number in range(pages)]
    sheets[0].save(file, "PDF", save_all=True, append_images=sheets[1:], resolution=75)
    return data_url("application/pdf", file.getvalue())


def clip(seconds: int, seed: int, side: int = 192, fps: int = 8) -> str:
    """An MP4 as a data URL: a square that moves over a random ground."""
    file = io.BytesIO()
    ground = np.asarray(picture(side, side, seed))
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps))
        stream.width = stream.height = side
        stream.pix_fmt = "yuv420p"
        for number in range(seconds * fps):
            frame = ground.copy()
            left = number * (side - 32) // (seconds * fps)
            frame[80:112, left : left + 32] = (220, 40, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    return data_url("video/mp4", file.getvalue())


def data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
