"""Coloured shapes on a plain ground: what there is, how many, and where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from engine.demo.data.canvas import Mark, Question, Rgb, Sample, background, side, worn
from engine.demo.data.words import (
    COLOURS,
    LANGUAGES,
    SHAPES,
    Language,
    listed,
    shade,
    with_article,
    word,
)


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

KINDS = ("caption", "count", "count form", "count colour", "colour", "shape", "exists", "extreme", "relation")
WEIGHTS = (2, 1, 1, 1, 1.5, 1, 1, 2, 2.5)


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


CAPTION = {
    "en": (
        "Describe this image in one sentence.",
        "Describe this image in one sentence.",
        "Describe the image.",
        "Describe this picture.",
        "Write a caption for this image.",
        "What is in the image?",
        "What does this picture show?",
        "What do you see?",
        "Caption this image.",
    ),
    "zh": (
        "请用一句话描述这张图片。",
        "请用一句话描述这张图片。",
        "描述这张图片。",
        "请描述图片内容。",
        "请为图片写一句说明。",
        "图中有什么？",
        "你看到了什么？",
    ),
}


def caption(shapes: Scene, language: Language) -> str:
    """One true sentence that names the shapes from left to right."""
    if language == "zh":
        return "图中有" + "、".join("一个" + shape.named("zh") for shape in shapes) + "。"
    return f"The image shows {listed([with_article(shape.named('en')) for shape in shapes])}."


def _ask(kind: str, rng: Random, shapes: Scene, language: Language) -> tuple[str, str] | None:
    """A question of this kind with its answer, or `None` where the scene does not allow one."""
    if kind == "caption":
        return rng.choice(CAPTION[language]), caption(shapes, language)
    if kind == "count":
        return rng.choice(_COUNT[language]), str(len(shapes))
    return _ASKERS[kind](rng, shapes, language)


_COUNT = {
    "en": (
        "How many shapes are there?",
        "How many shapes are in the image?",
        "How many objects are in the image?",
        "Count the shapes.",
        "How many objects do you see?",
    ),
    "zh": ("图中有多少个图形？", "图中一共有几个图形？", "有几个图形？", "一共有多少个物体？"),
}


def _count_form(rng: Random, shapes: Scene, language: Language) -> tuple[str, str]:
    form = rng.choice(shapes).form if rng.random() < 0.75 else rng.choice(SHAPES)
    answer = str(sum(shape.form == form for shape in shapes))
    name = word(form, language)
    texts = {
        "en": (f"How many {name}s are there?", f"How many {name}s are in the image?", f"Count the {name}s."),
        "zh": (f"图中有几个{name}？", f"有多少个{name}？", f"一共有几个{name}？"),
    }
    return rng.choice(texts[language]), answer


def _count_colour(rng: Random, shapes: Scene, language: Language) -> tuple[str, str]:
    colour = rng.choice(shapes).colour if rng.random() < 0.75 else rng.choice(COLOURS)
    answer = str(sum(shape.colour == colour for shape in shapes))
    name = word(colour, language)
    texts = {
        "en": (f"How many {name} shapes are there?", f"How many {name} objects are there?"),
        "zh": (f"图中有几个{name}图形？", f"有多少个{name}的图形？"),
    }
    return rng.choice(texts[language]), answer


def _colour(rng: Random, shapes: Scene, language: Language) -> tuple[str, str] | None:
    shape = _only(rng, shapes, [shape.form for shape in shapes])
    if shape is None:
        return None
    name = word(shape.form, language)
    texts = {
        "en": (
            f"What color is the {name}?",
            f"What colour is the {name}?",
            f"What is the color of the {name}?",
            f"Which color does the {name} have?",
        ),
        "zh": (f"{name}是什么颜色？", f"图中的{name}是什么颜色的？", f"这个{name}的颜色是什么？"),
    }
    return rng.choice(texts[language]), word(shape.colour, language)


def _form(rng: Random, shapes: Scene, language: Language) -> tuple[str, str] | None:
    shape = _only(rng, shapes, [shape.colour for shape in shapes])
    if shape is None:
        return None
    name = word(shape.colour, language)
    texts = {
        "en": (
            f"What shape is the {name} object?",
            f"What is the {name} shape?",
            f"Which shape is {name}?",
            f"What is the shape of the {name} object?",
        ),
        "zh": (f"{name}的图形是什么形状？", f"{name}图形是什么？", f"哪个图形是{name}的？"),
    }
    return rng.choice(texts[language]), word(shape.form, language)


def _only(rng: Random, shapes: Scene, traits: list[str]) -> Shape | None:
    """A shape whose trait no other shape has."""
    single = [shape for shape, trait in zip(shapes, traits, strict=True) if traits.count(trait) == 1]
    return rng.choice(single) if single else None


def _exists(rng: Random, shapes: Scene, language: Language) -> tuple[str, str]:
    seen = rng.choice(shapes)
    asked = seen
    if rng.random() < 0.5:
        other = (seen.form, rng.choice(COLOURS)) if rng.random() < 0.5 else (rng.choice(SHAPES), seen.colour)
        asked = Shape(*other, 0, 0, 0)
    there = any(shape.look == asked.look for shape in shapes)
    name = asked.named(language)
    if language == "zh":
        return rng.choice((f"图中有{name}吗？", f"有没有{name}？")), "有" if there else "没有"
    named = with_article(name)
    texts = (f"Is there {named}?", f"Is there {named} in the image?", f"Does the image show {named}?")
    return rng.choice(texts), "Yes" if there else "No"


_EXTREMES = {
    "en": (
        ("What is the leftmost shape?", "Which shape is on the far left?", "What is furthest to the left?"),
        (
            "What is the rightmost shape?",
            "Which shape is on the far right?",
            "What is furthest to the right?",
        ),
        ("What is the topmost shape?", "Which shape is at the top?", "What is the highest shape?"),
        ("What is the bottommost shape?", "Which shape is at the bottom?", "What is the lowest shape?"),
    ),
    "zh": tuple(
        (f"最{end}边的图形是什么？", f"图中最{end}边是什么图形？", f"哪个图形在最{end}边？")
        for end in "左右上下"
    ),
}
_RELATIONS = {
    "en": ("to the left of", "to the right of", "above", "below"),
    "zh": ("左边", "右边", "上面", "下面"),
}


def _extreme(rng: Random, shapes: Scene, language: Language) -> tuple[str, str] | None:
    end = rng.randrange(4)
    ordered = sorted(shapes, key=lambda shape: _offset(shape, end))
    if len(shapes) < 2 or _offset(ordered[1], end) - _offset(ordered[0], end) < 7:
        return None
    return rng.choice(_EXTREMES[language][end]), ordered[0].named(language)


def _offset(shape: Shape, end: int) -> float:
    """Distance that is smallest for the shape nearest the left, right, top or bottom."""
    return (shape.x, -shape.x, shape.y, -shape.y)[end]


def _relation(rng: Random, shapes: Scene, language: Language) -> tuple[str, str] | None:
    looks = [shape.look for shape in shapes]
    single = [shape for shape in shapes if looks.count(shape.look) == 1]
    if len(single) < 2:
        return None
    one, other = rng.sample(single, 2)
    end = rng.randrange(4)
    gap = _offset(other, end) - _offset(one, end)
    if abs(gap) < 10:
        return None
    side_words = _RELATIONS[language][end]
    if language == "zh":
        text = f"{one.named('zh')}在{other.named('zh')}的{side_words}吗？"
        return text, "是" if gap > 0 else "不是"
    text = f"Is the {one.named('en')} {side_words} the {other.named('en')}?"
    return text, "Yes" if gap > 0 else "No"


_ASKERS = {
    "count form": _count_form,
    "count colour": _count_colour,
    "colour": _colour,
    "shape": _form,
    "exists": _exists,
    "extreme": _extreme,
    "relation": _relation,
}


def questions(
    rng: Random, shapes: Scene, count: int, kinds: tuple[str, ...] = KINDS, language: Language | None = None
) -> list[Question]:
    """Up to `count` different questions about one picture."""
    weights = [WEIGHTS[KINDS.index(kind)] for kind in kinds]
    found: dict[str, Question] = {}
    for _ in range(count * 5):
        if len(found) >= count:
            break
        kind = rng.choices(kinds, weights)[0]
        pair = _ask(kind, rng, shapes, language or rng.choice(LANGUAGES))
        if pair:
            task = "captioning" if kind == "caption" else "vqa"
            found.setdefault(pair[0], Question(*pair, kind, task))
    return list(found.values())


def sample(
    rng: Random,
    count: int = 9,
    most: int = 5,
    high: int = 256,
    kinds: tuple[str, ...] = KINDS,
    language: Language | None = None,
) -> Sample:
    """A picture of 1 to `most` shapes with questions."""
    size, shapes = scene(rng, most, high)
    image, marks = worn(rng, *draw(rng, size, shapes))
    return Sample([image], [marks], questions(rng, shapes, count, kinds, language))
