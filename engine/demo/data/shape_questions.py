"""Questions about one picture of shapes: colour, form, count and position."""

from __future__ import annotations

from random import Random

from engine.demo.data import shapes
from engine.demo.data.canvas import Question, Sample, worn
from engine.demo.data.shapes import Scene, Shape
from engine.demo.data.words import COLOURS, LANGUAGES, SHAPES, Language, listed, with_article, word

KINDS = ("caption", "count", "count form", "count colour", "colour", "shape", "exists", "extreme", "relation")
WEIGHTS = (2, 1, 1, 1, 1.5, 1, 1, 2, 2.5)


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
    "zh": ("图中有多少个图形？", "图中一共有几个图形？", "有几个图形？", "一共有多少个物体？"),
}


def _count_form(rng: Random, scene: Scene, language: Language) -> tuple[str, str]:
    form = rng.choice(scene).form if rng.random() < 0.75 else rng.choice(SHAPES)
    answer = str(sum(shape.form == form for shape in scene))
    name = word(form, language)
    texts = {
        "en": (f"How many {name}s are there?", f"How many {name}s are in the image?", f"Count the {name}s."),
        "zh": (f"图中有几个{name}？", f"有多少个{name}？", f"一共有几个{name}？"),
    }
    return rng.choice(texts[language]), answer


def _count_colour(rng: Random, scene: Scene, language: Language) -> tuple[str, str]:
    colour = rng.choice(scene).colour if rng.random() < 0.75 else rng.choice(COLOURS)
    answer = str(sum(shape.colour == colour for shape in scene))
    name = word(colour, language)
    texts = {
        "en": (f"How many {name} shapes are there?", f"How many {name} objects are there?"),
        "zh": (f"图中有几个{name}图形？", f"有多少个{name}的图形？"),
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


def _extreme(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    end = rng.randrange(4)
    ordered = sorted(scene, key=lambda shape: _offset(shape, end))
    if len(scene) < 2 or _offset(ordered[1], end) - _offset(ordered[0], end) < 7:
        return None
    return rng.choice(_EXTREMES[language][end]), ordered[0].named(language)


def _offset(shape: Shape, end: int) -> float:
    """Distance that is smallest for the shape nearest the left, right, top or bottom."""
    return (shape.x, -shape.x, shape.y, -shape.y)[end]


def _relation(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    looks = [shape.look for shape in scene]
    single = [shape for shape in scene if looks.count(shape.look) == 1]
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
