"""Questions about one picture of shapes: colour, form, count and position."""

from __future__ import annotations

from random import Random

from engine.demo.data import place_questions, shapes
from engine.demo.data.canvas import Question, Sample, worn
from engine.demo.data.shapes import Scene, Shape
from engine.demo.data.words import COLOURS, LANGUAGES, SHAPES, Language, listed, with_article, word

KINDS = (
    "caption",
    "count",
    "count form",
    "count colour",
    "colour",
    "shape",
    "exists",
    "extreme",
    "relation",
)
WEIGHTS = (2, 0.6, 2, 2, 0.4, 0.4, 1.5, 0.7, 8)
"""What is learned last comes most often."""


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
        "图里有什么？",
        "你看到了什么？",
    ),
}


def caption(scene: Scene, language: Language) -> str:
    """One true sentence that names the shapes from left to right."""
    if language == "zh":
        return "图中有" + "、".join("一个" + shape.named("zh") for shape in scene) + "。"
    return f"The image shows {listed([with_article(shape.named('en')) for shape in scene])}."


def _ask(kind: str, rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """A question of this kind with its answer, or `None` where the scene does not allow one."""
    if kind == "caption":
        return rng.choice(CAPTION[language]), caption(scene, language)
    if kind == "count":
        return rng.choice(_COUNT[language]), str(len(scene))
    return _ASKERS[kind](rng, scene, language)


_COUNT = {
    "en": (
        "How many shapes are there?",
        "How many shapes are in the image?",
        "How many objects are in the image?",
        "Count the shapes.",
        "How many objects do you see?",
    ),
    "zh": (
        "图中有多少个图形？",
        "图里有几个图形？",
        "图中一共有几个图形？",
        "有几个图形？",
        "一共有多少个物体？",
    ),
}


def _count_form(rng: Random, scene: Scene, language: Language) -> tuple[str, str]:
    form = rng.choice(scene).form if rng.random() < 0.75 else rng.choice(SHAPES)
    answer = str(sum(shape.form == form for shape in scene))
    name = word(form, language)
    texts = {
        "en": (f"How many {name}s are there?", f"How many {name}s are in the image?", f"Count the {name}s."),
        "zh": (f"图中有几个{name}？", f"图里有几个{name}？", f"有多少个{name}？", f"一共有几个{name}？"),
    }
    return rng.choice(texts[language]), answer


def _count_colour(rng: Random, scene: Scene, language: Language) -> tuple[str, str]:
    colour = rng.choice(scene).colour if rng.random() < 0.75 else rng.choice(COLOURS)
    answer = str(sum(shape.colour == colour for shape in scene))
    name = word(colour, language)
    texts = {
        "en": (f"How many {name} shapes are there?", f"How many {name} objects are there?"),
        "zh": (f"图中有几个{name}图形？", f"图里有几个{name}的图形？", f"有多少个{name}的图形？"),
    }
    return rng.choice(texts[language]), answer


def _colour(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    shape = _only(rng, scene, [shape.form for shape in scene])
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


def _form(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    shape = _only(rng, scene, [shape.colour for shape in scene])
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


def _only(rng: Random, scene: Scene, traits: list[str]) -> Shape | None:
    """A shape whose trait no other shape has."""
    single = [shape for shape, trait in zip(scene, traits, strict=True) if traits.count(trait) == 1]
    return rng.choice(single) if single else None


def _exists(rng: Random, scene: Scene, language: Language) -> tuple[str, str]:
    seen = rng.choice(scene)
    asked = seen
    if rng.random() < 0.5:
        other = (seen.form, rng.choice(COLOURS)) if rng.random() < 0.5 else (rng.choice(SHAPES), seen.colour)
        asked = Shape(*other, 0, 0, 0)
    there = any(shape.look == asked.look for shape in scene)
    name = asked.named(language)
    if language == "zh":
        texts = (f"图中有{name}吗？", f"图里有{name}吗？", f"有没有{name}？")
        return rng.choice(texts), "有" if there else "没有"
    named = with_article(name)
    texts = (f"Is there {named}?", f"Is there {named} in the image?", f"Does the image show {named}?")
    return rng.choice(texts), "Yes" if there else "No"


_ASKERS = {
    "count form": _count_form,
    "count colour": _count_colour,
    "colour": _colour,
    "shape": _form,
    "exists": _exists,
    "extreme": place_questions.extreme,
    "relation": place_questions.relation,
}


def questions(
    rng: Random, scene: Scene, count: int, kinds: tuple[str, ...] = KINDS, language: Language | None = None
) -> list[Question]:
    """Up to `count` different questions about one picture."""
    weights = [WEIGHTS[KINDS.index(kind)] for kind in kinds]
    found: dict[str, Question] = {}
    for _ in range(count * 5):
        if len(found) >= count:
            break
        kind = rng.choices(kinds, weights)[0]
        pair = _ask(kind, rng, scene, language or rng.choice(LANGUAGES))
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
    size, found = shapes.scene(rng, most, high)
    image, marks = worn(rng, *shapes.draw(rng, size, found))
    return Sample([image], [marks], questions(rng, found, count, kinds, language))
