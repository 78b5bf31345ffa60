"""Bar charts with printed values, drawn by Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from engine.demo.data.canvas import Font, Mark, Rgb, any_font, background, side, write
from engine.demo.data.words import COLOURS, shade

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Bars:
    labels: tuple[str, ...]
    values: tuple[int, ...]

    def ranks(self) -> list[int]:
        """Place of each bar from the highest (0) down; equals share a place."""
        return [sum(other > value for other in self.values) for value in self.values]

    def single(self, value: int) -> bool:
        return self.values.count(value) == 1

    def label_of(self, value: int) -> str:
        return self.labels[self.values.index(value)]


def bars(rng: Random, most: int = 5, largest: int = 99, least: int = 2) -> Bars:
    """`least` to `most` bars with whole values from 0 to `largest`."""
    count = rng.randint(least, most)
    draw = rng.random()
    if draw < 0.55:
        labels = tuple(LETTERS[:count])
    elif draw < 0.9:
        labels = tuple(rng.sample(LETTERS, count))
    else:
        labels = tuple(f"Q{number}" for number in range(1, count + 1))
    values = tuple(rng.randint(0, largest if rng.random() < 0.85 else 9) for _ in range(count))
    return Bars(labels, values)


def label_classes(chart: Bars, index: int) -> dict[str, int]:
    """Auxiliary targets that sit on a bar's label: the bar's value and its places in order."""
    tens, ones = divmod(chart.values[index], 10)
    return {"tens": tens or 10, "ones": ones, "rank": chart.ranks()[index], "from_left": index}


def draw(rng: Random, chart: Bars) -> tuple[Image.Image, list[Mark]]:
    """The chart in a plain style, or with the axes, ticks and grid of plotting libraries."""
    count = len(chart.values)
    framed = rng.random() < 0.4
    margin = 30 if framed else 0
    size = (side(rng, low=max(96, count * 40 + margin)), side(rng, low=112, high=224))
    ground = background(rng) if rng.random() < 0.5 else (255, 255, 255)
    image = Image.new("RGB", size, ground)
    canvas = ImageDraw.Draw(image)
    face = any_font(rng, 20, 25)
    top, floor = int(face.size) + 9, size[1] - int(face.size) - 8
    tallest = max(1, *chart.values) * rng.uniform(1, 1.25)
    marks = _frame(rng, canvas, size, margin, top, floor, tallest) if framed else []
    slot = (size[0] - margin) / count
    one_colour = _bar_colour(rng) if rng.random() < 0.5 else None
    half = slot * rng.uniform(0.4, 0.75) / 2
    for index, value in enumerate(chart.values):
        centre = margin + slot * (index + 0.5)
        height = (floor - top) * value / tallest
        if height >= 1:
            box = [centre - half, floor - height, centre + half, floor]
            canvas.rectangle(box, fill=one_colour or _bar_colour(rng))
        printed = _centred(canvas, centre, floor - height - face.size - 5, str(value), face)
        printed[0].classes["from_left"] = index
        marks += printed
        label = _centred(canvas, centre, floor + 2, chart.labels[index], face)
        label[0].classes |= label_classes(chart, index)
        marks += label
    if framed or rng.random() < 0.7:
        canvas.line([margin or 2, floor, size[0] - 2, floor], fill=(0, 0, 0), width=rng.randint(1, 2))
    return image, marks


def _bar_colour(rng: Random) -> Rgb:
    if rng.random() < 0.6:
        return shade(rng, rng.choice(COLOURS))
    return (rng.randint(20, 235), rng.randint(20, 235), rng.randint(20, 235))


def _centred(canvas: ImageDraw.ImageDraw, x: float, y: float, text: str, face: Font) -> list[Mark]:
    return write(canvas, (round(x - face.getlength(text) / 2), round(y)), text, face, (0, 0, 0))


def _frame(
    rng: Random,
    canvas: ImageDraw.ImageDraw,
    size: tuple[int, int],
    margin: int,
    top: int,
    floor: int,
    tallest: float,
) -> list[Mark]:
    """Axis, ticks with small numbers and perhaps a grid; the numbers are no data and bear no marks."""
    face = any_font(rng, 9, 12)
    grid = rng.random() < 0.5
    steps = rng.randint(2, 4)
    for step in range(steps + 1):
        value = round(tallest * step / steps)
        y = floor - (floor - top) * step / steps
        if grid:
            canvas.line([margin, y, size[0] - 3, y], fill=(205, 205, 205))
        canvas.line([margin - 4, y, margin, y], fill=(0, 0, 0))
        canvas.text((margin - 6 - face.getlength(str(value)), y - face.size / 2), str(value), (0, 0, 0), face)
    if rng.random() < 0.5:
        canvas.rectangle([margin, 3, size[0] - 3, floor], outline=(0, 0, 0))
    else:
        canvas.line([margin, 3, margin, floor], fill=(0, 0, 0))
    return []
