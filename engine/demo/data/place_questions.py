"""Questions about where shapes lie: nearest one side, and seen from one another.

Each gives a question with its answer, or `None` where the scene does not allow a clear one.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from engine.demo.data.shapes import Scene, Shape
from engine.demo.data.words import Language

CLEAR = 7
"""Pixels by which two shapes must differ to have an order."""
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
_SIDES: dict[Language, tuple[str, ...]] = {
    "en": ("to the left", "to the right", "above", "below"),
    "zh": ("左边", "右边", "上面", "下面"),
}
_FROM: dict[Language, tuple[str, str]] = {
    "en": ("From the left: ", "From the top: "),
    "zh": ("从左数：", "从上数："),
}
_COMMA: dict[Language, str] = {"en": ", ", "zh": "、"}
_SO: dict[Language, str] = {
    "en": ". So {two}: the first is {side}; {asked}? {answer}",
    "zh": "。即{two}，前者在{side}：{answer}",
}
_TRUE: dict[Language, tuple[str, str]] = {"en": ("No", "Yes"), "zh": ("不是", "是")}


def extreme(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Which shape lies nearest one side of the picture."""
    end = rng.randrange(4)
    ordered = sorted(scene, key=lambda shape: _offset(shape, end))
    if len(scene) < 2 or _offset(ordered[1], end) - _offset(ordered[0], end) < CLEAR:
        return None
    return rng.choice(_EXTREMES[language][end]), ordered[0].named(language)


def _offset(shape: Shape, end: int) -> float:
    """Distance that is smallest for the shape nearest the left, right, top or bottom."""
    return (shape.x, -shape.x, shape.y, -shape.y)[end]


def relation(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Whether one shape lies on the named side of another: all in their order, the two, the side, yes or no.

    Each step follows from the one before; yes or no alone is not learned in a short training.
    """
    end = rng.randrange(4)
    start = end - end % 2
    ordered = sorted(scene, key=lambda shape: _offset(shape, start))
    looks = [shape.look for shape in ordered]
    single = [place for place, look in enumerate(looks) if looks.count(look) == 1]
    if len(single) < 2 or not _clear(ordered, start):
        return None
    one, other = rng.sample(single, 2)
    true_end = start if one < other else start + 1
    named = [f"{shape.named(language)}{_gap(language)}{place}" for place, shape in enumerate(ordered, 1)]
    comma, sides = _COMMA[language], _SIDES[language]
    seen = _FROM[language][start // 2] + comma.join(named)
    two = f"{named[one]}{comma}{named[other]}"
    so = _SO[language].format(
        two=two, side=sides[true_end], asked=sides[end], answer=_TRUE[language][true_end == end]
    )
    return _relation(ordered[one], ordered[other], sides[end], language), seen + so


def verdict(answer: str) -> str:
    """The yes or no at the end of an answer to `relation`."""
    return answer.strip().rpartition("? ")[2].rpartition("：")[2]


def _clear(ordered: Scene, end: int) -> bool:
    """Whether no two lie at nearly the same distance from that end."""
    places = [_offset(shape, end) for shape in ordered]
    return all(far - near >= CLEAR for near, far in pairwise(places))


def _relation(one: Shape, other: Shape, side: str, language: Language) -> str:
    if language == "zh":
        return f"{one.named('zh')}在{other.named('zh')}的{side}吗？"
    return f"Is the {one.named('en')} {side}{' of' if side.startswith('to') else ''} the {other.named('en')}?"


def _gap(language: Language) -> str:
    return " " if language == "en" else ""
