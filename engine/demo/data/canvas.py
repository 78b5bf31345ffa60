"""What every drawing shares: fonts, colours, backgrounds, marks, and the wear of real image files."""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = tuple[int, int, int]
Font = ImageFont.FreeTypeFont

log = logging.getLogger(__name__)

PATCH = 16
MERGE = 2
CELL = PATCH * MERGE
"""Pixels along one side of what becomes one token for the language model."""
MIN_PIXELS, MAX_PIXELS = 96 * 96, 256 * 256
"""Areas between which the image processor keeps every picture."""

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CHARACTER_CLASS = {character: number for number, character in enumerate(CHARACTERS, 1)}

FONT_FOLDER = Path("/usr/share/fonts/truetype")
FONT_FILES = {
    "dejavu/DejaVuSans.ttf": 4,
    "dejavu/DejaVuSans-Bold.ttf": 1,
    "liberation/LiberationSans-Regular.ttf": 3,
    "liberation/LiberationSans-Bold.ttf": 1,
}
"""Files and how often each is drawn; the most common faces of plots and pages come most often."""
BUILT_IN = "Pillow's built-in Aileron"
BUILT_IN_WEIGHT = 3


@dataclass(slots=True)
class Mark:
    """What the picture shows at one point: class numbers by channel name (see `AUXILIARY`)."""

    x: float
    y: float
    classes: dict[str, int]


AUXILIARY: dict[str, int] = {
    "first": len(CHARACTERS) + 1,
    "second": len(CHARACTERS) + 1,
    "shape": 5,
    "colour": 8,
    "from_left": 5,
    "from_top": 5,
    "tens": 11,
    "ones": 10,
    "rank": 5,
    "place": 16,
    "line": 3,
    "motion": 5,
    "becomes": 8,
}
"""Auxiliary targets of a patch and their number of classes; training only.

Class 0 of the first four means "nothing here" and holds for every patch. The others are asked
only where there is something: `from_left` (of a bar too) and `from_top` are a shape's place in order; `tens`
(10: none), `ones` and `rank` (0: highest) belong to a bar and sit on its label; `place` and `line`
tell where in the text a character stands; `motion` and `becomes` what a shape does from the
first frame of a pair to the second.
"""
ALWAYS = 4
"""The first so many channels hold for every patch."""
IGNORED = 255


@dataclass(slots=True)
class Question:
    text: str
    answer: str
    kind: str
    task: str
    """Name of the gateway task whose prompt suits this question."""


@dataclass(slots=True)
class Sample:
    """Pictures (or frames of one video, in time order) with questions and true answers."""

    images: list[Image.Image]
    marks: list[list[Mark]]
    questions: list[Question] = field(default_factory=list)
    is_video: bool = False


@cache
def available_fonts() -> dict[str, int]:
    """Fonts that exist here, with weights; says which are missing, since fewer fonts read fewer pictures."""
    missing = [name for name in FONT_FILES if not (FONT_FOLDER / name).exists()]
    if missing:
        log.warning(
            "fonts missing, so they stay unlearned: %s (Debian: fonts-dejavu fonts-liberation)",
            ", ".join(missing),
        )
    found = {name: weight for name, weight in FONT_FILES.items() if name not in missing}
    return found | {BUILT_IN: BUILT_IN_WEIGHT}


@cache
def font(name: str, size: int) -> Font:
    """The font at `size` pixels."""
    if name == BUILT_IN:
        return ImageFont.load_default(size)  # type: ignore[return-value]
    return ImageFont.truetype(str(FONT_FOLDER / name), size)


def any_font(rng: Random, low: int, high: int) -> Font:
    names = available_fonts()
    return font(rng.choices(list(names), list(names.values()))[0], rng.randint(low, high))


def background(rng: Random) -> Rgb:
    """Mostly white, often a light tint."""
    if rng.random() < 0.6:
        return (255, 255, 255)
    return (rng.randint(222, 255), rng.randint(222, 255), rng.randint(222, 255))


def side(rng: Random, low: int = 96, high: int = 256) -> int:
    """Pixels along one side: sizes people like, or any; small ones more often, as they are cheaper."""
    if rng.random() < 0.4:
        return rng.choice([size for size in (96, 112, 128, 160, 192, 200, 224, 256) if low <= size <= high])
    return rng.randint(low, high if rng.random() < 0.25 else max(low, min(high, 168)))


def write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    face: Font,
    fill: Rgb,
    line: int | None = None,
) -> list[Mark]:
    """Prints `text` with its left top corner at `at`; returns a mark on each character, all at one height."""
    x, y = at
    draw.text((x, y), text, font=face, fill=fill)
    _, top, _, bottom = face.getbbox("H")
    middle = y + (top + bottom) / 2
    marks = []
    for index, character in enumerate(text):
        if character not in CHARACTER_CLASS:
            continue
        left, right = face.getlength(text[:index]), face.getlength(text[: index + 1])
        classes = {"first": CHARACTER_CLASS[character]}
        if line is not None:
            classes |= {"place": min(index, 15), "line": line}
        marks.append(Mark(x + (left + right) / 2, middle, classes))
    return marks


def fitted_size(height: int, width: int) -> tuple[int, int]:
    """Height and width that the image processor of Qwen3-VL would resize to: multiples of `CELL`."""
    rows, columns = max(CELL, round(height / CELL) * CELL), max(CELL, round(width / CELL) * CELL)
    if rows * columns > MAX_PIXELS:
        shrink = math.sqrt(height * width / MAX_PIXELS)
        rows = max(CELL, math.floor(height / shrink / CELL) * CELL)
        columns = max(CELL, math.floor(width / shrink / CELL) * CELL)
    elif rows * columns < MIN_PIXELS:
        grow = math.sqrt(MIN_PIXELS / (height * width))
        rows, columns = math.ceil(height * grow / CELL) * CELL, math.ceil(width * grow / CELL) * CELL
    return rows, columns


def fit(image: Image.Image, marks: Sequence[Mark]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture as the processor resizes it, uint8 [H, W, 3], and its targets [H/16, W/16, channels]."""
    width, height = image.size
    rows, columns = fitted_size(height, width)
    if (rows, columns) != (height, width):
        image = image.resize((columns, rows), Image.Resampling.BICUBIC)
    targets = np.full((rows // PATCH, columns // PATCH, len(AUXILIARY)), IGNORED, np.uint8)
    targets[..., :ALWAYS] = 0
    for mark in sorted(marks, key=lambda mark: mark.x):
        column = min(columns // PATCH - 1, max(0, int(mark.x * columns / width / PATCH)))
        row = min(rows // PATCH - 1, max(0, int(mark.y * rows / height / PATCH)))
        _place(targets[row, column], mark.classes)
    return np.asarray(image, np.uint8), targets


_CHANNEL = {name: number for number, name in enumerate(AUXILIARY)}


def _place(patch: NDArray[np.uint8], classes: dict[str, int]) -> None:
    """Writes a mark's classes into one patch; a second character goes to its own channel."""
    if "first" in classes and patch[0] != 0:
        if patch[1] == 0:
            patch[1] = classes["first"]
        return
    for name, value in classes.items():
        patch[_CHANNEL[name]] = value


def wear(rng: Random, image: Image.Image) -> Image.Image:
    """What happens to real files: sometimes scaled, sometimes compressed with loss."""
    if rng.random() < 0.35:
        scale = rng.uniform(0.85, 1.7)
        width, height = (max(CELL, round(length * scale)) for length in image.size)
        image = image.resize((width, height), rng.choice(_FILTERS))
    if rng.random() < 0.3:
        buffer = io.BytesIO()
        image.save(buffer, rng.choice(("JPEG", "JPEG", "WEBP")), quality=rng.randint(40, 95))
        image = Image.open(buffer).convert("RGB")
    return image


_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


def worn(rng: Random, image: Image.Image, marks: Sequence[Mark]) -> tuple[Image.Image, list[Mark]]:
    """`wear` with the marks moved along."""
    result = wear(rng, image)
    across, down = result.width / image.width, result.height / image.height
    return result, [Mark(mark.x * across, mark.y * down, mark.classes) for mark in marks]
