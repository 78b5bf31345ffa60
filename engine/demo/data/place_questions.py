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


def order(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Which place a shape has, counted from one side."""
    end = rng.randrange(4)
    looks = [shape.look for shape in scene]
    single = [shape for shape in scene if looks.count(shape.look) == 1]
    if not single:
        return None
    shape = rng.choice(single)
    ordered = sorted(scene, key=lambda other: _offset(other, end))
    if language == "zh":
        return f"从{'左右上下'[end]}边数，{shape.named('zh')}是第几个？", str(ordered.index(shape) + 1)
    side_word = ("left", "right", "top", "bottom")[end]
    text = f"Counting from the {side_word}, which number is the {shape.named('en')}?"
    return text, str(ordered.index(shape) + 1)


def side(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """On which of two sides one shape lies, or which of two shapes lies further to one side."""
    end = rng.randrange(4)
    two = _two(rng, scene, end)
    if two is None:
        return None
    one, other, gap = two
    a, b = one.named(language), other.named(language)
    if rng.random() < 0.5:
        text = _FURTHER[language].format(_ENDS[language][end], a, b)
        return text, a if gap > 0 else b
    sides = _RELATIONS[language]
    first = end // 2 * 2
    right = end if gap > 0 else end ^ 1
    return _SIDE[language].format(a, b, sides[first], sides[first + 1]), _SIDE_ANSWERS[language][right]


_ENDS = {"en": ("further left", "further right", "higher", "lower"), "zh": ("左", "右", "上", "下")}
_FURTHER = {"en": "Which is {}, the {} or the {}?", "zh": "更靠{}的是{}还是{}？"}
_SIDE = {"en": "Is the {0} {2} or {3} the {1}?", "zh": "{0}在{1}的{2}还是{3}？"}
_SIDE_ANSWERS = {"en": ("left", "right", "above", "below"), "zh": _RELATIONS["zh"]}


def relation(rng: Random, scene: Scene, language: Language) -> tuple[str, str] | None:
    """Whether one shape lies on the named side of another: yes or no."""
    end = rng.randrange(4)
    two = _two(rng, scene, end)
    if two is None:
        return None
    one, other, gap = two
    side_words = _RELATIONS[language][end]
    if language == "zh":
        text = f"{one.named('zh')}在{other.named('zh')}的{side_words}吗？"
        return text, "是" if gap > 0 else "不是"
    text = f"Is the {one.named('en')} {side_words} the {other.named('en')}?"
    return text, "Yes" if gap > 0 else "No"
