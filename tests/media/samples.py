"""Small files of every kind, made as they are needed."""

from __future__ import annotations

import base64
import io
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "yellow", "black", "white", "purple", "orange")


def picture(size: tuple[int, int] = (64, 48), colour: str = "red", mode: str = "RGB") -> Image.Image:
    """A coloured ground with a white square in its left upper quarter."""
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).rectangle((4, 4, size[0] // 4, size[1] // 4), fill="white")
    return image.convert(mode)


def encoded(image: Image.Image | None = None, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    (image or picture()).save(out, form, **options)
    return out.getvalue()


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    array = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(array)


def pdf(pages: Sequence[str] = ("red", "blue"), size: tuple[int, int] = (200, 280)) -> bytes:
    """A document of one coloured page for each colour."""
    first, *rest = (picture(size, colour) for colour in pages)
    return encoded(first, "PDF", save_all=True, append_images=rest)


def encrypted_pdf() -> bytes:
    """A document whose password is not the empty one."""
    keys = b"<" + b"ab" * 32 + b">"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [] /Count 0 >>",
        b"<< /Filter /Standard /V 1 /R 2 /P -4 /O %b /U %b >>" % (keys, keys),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"<< /Size 4 /Root 1 0 R /Encrypt 3 0 R /ID [<00> <00>] >>"
    return body + b"xref\n0 4\n0000000000 65535 f \n%btrailer\n%b\nstartxref\n%d\n%%%%EOF" % (
        table,
        trailer,
        len(body),
    )


def video(
    seconds: float = 2,
    fps: int = 10,
    size: tuple[int, int] = (96, 64),
    form: str = "mp4",
    codec: str = "libx264",
    colours: Sequence[str] = COLOURS[:4],
    still: float = 0,
) -> bytes:
    """A clip whose colour changes evenly from the first of `colours` to the last.

    Its first picture stands for `still` seconds, in which no other comes.
    """
    out = io.BytesIO()
    frames = round(seconds * fps)
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for number in (0, *range(max(1, round(still * fps)), frames)):
            image = picture(size, colours[number * len(colours) // frames])
            frame = av.VideoFrame.from_image(image)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def silence() -> bytes:
    """An MP4 that has sound and no pictures."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def bomb(side: int = 20_000) -> bytes:
    """A PNG of a few kilobytes that would be gigabytes of pixels."""
    return encoded(Image.new("1", (side, side)), "PNG")


def mutations(data: bytes, count: int, seed: int) -> list[bytes]:
    """The file with bits flipped, pieces cut out, moved or doubled; the same for the same seed."""
    chance = random.Random(seed)
    return [_mutate(data, chance) for _ in range(count)]


def _mutate(data: bytes, chance: random.Random) -> bytes:
    out = bytearray(data)
    match chance.randrange(6):
        case 0:
            for _ in range(chance.choice((1, 4, 32))):
                out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
        case 1:
            del out[chance.randrange(1, len(out)) :]
        case 2:
            start = chance.randrange(len(out))
            del out[start : start + chance.randrange(1, 200)]
        case 3:
            start = chance.randrange(len(out))
            out[start:start] = out[start : start + chance.randrange(1, 500)]
        case 4:
            place = chance.randrange(min(64, len(out) - 4))
            out[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"))
        case _:
            out += chance.randbytes(chance.randrange(1, 2000))
    return bytes(out)
