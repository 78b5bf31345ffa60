"""Coloured shapes on a plain ground: scenes, and pictures of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from engine.demo.data.canvas import Mark, Rgb, background, side
from engine.demo.data.words import COLOURS, SHAPES, Language, shade, word


@dataclass(frozen=True, slots=True)
class Shape:
    form: str
    colour: str
    x: float
    y: float
    radius: float

    @property
    def look(self) -> tuple[str, str]:
        return (self.form, self.colour)

    def named(self, language: Language) -> str:
        if language == "zh":
            return word(self.colour, "zh") + word(self.form, "zh")
        return f"{self.colour} {self.form}"


Scene = list[Shape]
"""The shapes of one picture from left to right."""


def draw_shape(draw: ImageDraw.ImageDraw, form: str, x: float, y: float, radius: float, fill: Rgb) -> None:
    if form == "circle":
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=fill)
    elif form == "square":
        half = radius * 0.88
        draw.rectangle([x - half, y - half, x + half, y + half], fill=fill)
    elif form == "triangle":
        base = y + radius * 0.8
        draw.polygon([(x, y - radius), (x - radius * 0.95, base), (x + radius * 0.95, base)], fill=fill)
    else:
        draw.polygon([_star_point(x, y, radius, corner) for corner in range(10)], fill=fill)


def _star_point(x: float, y: float, radius: float, corner: int) -> tuple[float, float]:
    reach = radius if corner % 2 == 0 else radius * 0.42
    angle = corner * math.pi / 5
    return (x + reach * math.sin(angle), y - reach * math.cos(angle))


def scene(rng: Random, most: int = 5, high: int = 256) -> tuple[tuple[int, int], Scene]:
    """Size of the picture and 1 to `most` shapes that do not touch."""
    while True:
        size = (side(rng, high=high), side(rng, high=high))
        count = rng.randint(1, most)
        shapes = _scatter(rng, size, count)
        if len(shapes) == count:
            return size, sorted(shapes, key=lambda shape: shape.x)


def _scatter(rng: Random, size: tuple[int, int], count: int) -> Scene:
    """Up to `count` shapes at random places; sometimes few looks, so that shapes repeat."""
    forms, colours = list(SHAPES), list(COLOURS)
    if rng.random() < 0.3:
        forms, colours = rng.sample(forms, rng.randint(1, 2)), rng.sample(colours, rng.randint(1, 3))
    width, height = size
    largest = min(size) * (0.42, 0.32, 0.24, 0.2, 0.2)[count - 1]
    shapes: Scene = []
    for _ in range(60):
        if len(shapes) == count:
            break
        radius = rng.uniform(11, max(12, largest if rng.random() < 0.5 else min(32, largest)))
        x, y = rng.uniform(radius + 2, width - radius - 2), rng.uniform(radius + 2, height - radius - 2)
        if all(_apart(shape, x, y, radius) for shape in shapes):
            shapes.append(Shape(rng.choice(forms), rng.choice(colours), x, y, radius))
    return shapes


def _apart(shape: Shape, x: float, y: float, radius: float) -> bool:
    """Neither touching nor at nearly the same distance from the left."""
    clear = math.hypot(x - shape.x, y - shape.y) > (radius + shape.radius) * 1.15 + 3
    return clear and abs(x - shape.x) > 7


def draw(rng: Random, size: tuple[int, int], shapes: Scene) -> tuple[Image.Image, list[Mark]]:
    """The scene as a picture, smooth or with hard edges, with a mark on each shape."""
    scale = 2 if rng.random() < 0.25 else 1
    image = Image.new("RGB", (size[0] * scale, size[1] * scale), background(rng))
    canvas = ImageDraw.Draw(image)
    for shape in shapes:
        x, y, radius = shape.x * scale, shape.y * scale, shape.radius * scale
        draw_shape(canvas, shape.form, x, y, radius, shade(rng, shape.colour))
    if scale == 2:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return image, _marks(shapes)


def _marks(shapes: Scene) -> list[Mark]:
    downwards = sorted(shapes, key=lambda shape: shape.y)
    return [
        Mark(
            shape.x,
            shape.y,
            {
                "shape": SHAPES.index(shape.form) + 1,
                "colour": COLOURS.index(shape.colour) + 1,
                "from_left": index,
                "from_top": downwards.index(shape),
            },
        )
        for index, shape in enumerate(shapes)
    ]
