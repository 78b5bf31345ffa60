"""Questions about where shapes lie: nearest one side, and seen from one another.

Each gives a question with its answer, or `None` where the scene does not allow a clear one.
"""

from __future__ import annotations

from random import Random

from engine.demo.data.shapes import Scene, Shape
from engine.demo.data.words import Language

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
_RELATIONS: dict[Language, tuple[str, ...]] = {
    "en": ("to the left of", "to the right of", "above", "below"),
    "zh": ("左边", "右边", "上面", "下面"),
}


def extreme(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Which shape lies nearest one side of the picture."""
    end = rng.randrange(4)
    ordered = sorted(scene, key=lambda shape: _offset(shape, end))
    if len(scene) < 2 or _offset(ordered[1], end) - _offset(ordered[0], end) < 7:
        return None
    return rng.choice(_EXTREMES[language][end]), ordered[0].named(language)


def _offset(shape: Shape, end: int) -> float:
    """Distance that is smallest for the shape nearest the left, right, top or bottom."""
    return (shape.x, -shape.x, shape.y, -shape.y)[end]


def _two(rng: Random, scene: Scene, end: int) -> tuple[Shape, Shape, float] | None:
    """Two shapes of unlike looks, and how much nearer the first is to that end; clear cases only."""
    looks = [shape.look for shape in scene]
    single = [shape for shape in scene if looks.count(shape.look) == 1]
    if len(single) < 2:
        return None
    one, other = rng.sample(single, 2)
    gap = _offset(other, end) - _offset(one, end)
    return (one, other, gap) if abs(gap) >= 10 else None


def relation(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Whether one shape lies on the named side of another: the two in their order, then yes or no.

    The order is what the answer follows from; yes or no alone is not learned in a short training.
    """
    end = rng.randrange(4)
    two = _two(rng, scene, end)
    if two is None:
        return None
    one, other, gap = two
    axis = end // 2
    first, last = (one, other) if (gap > 0) == (end % 2 == 0) else (other, one)
    side_words = _RELATIONS[language][end]
    if language == "zh":
        text = f"{one.named('zh')}在{other.named('zh')}的{side_words}吗？"
        seen = f"{_ORDERS['zh'][axis]}：{first.named('zh')}、{last.named('zh')}。"
        return text, seen + ("是" if gap > 0 else "不是")
    text = f"Is the {one.named('en')} {side_words} the {other.named('en')}?"
    seen = f"{_ORDERS['en'][axis]}: {first.named('en')}, {last.named('en')}. "
    return text, seen + ("Yes" if gap > 0 else "No")


_ORDERS: dict[Language, tuple[str, str]] = {
    "en": ("From left to right", "From top to bottom"),
    "zh": ("从左到右", "从上到下"),
}
