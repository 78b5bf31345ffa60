"""Names of colours, shapes and directions in English and Chinese, and small grammar."""

from __future__ import annotations

from random import Random
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, Language] = ("en", "zh")

COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "black")
SHAPES = ("circle", "square", "triangle", "star")
DIRECTIONS = ("left", "right", "up", "down")

CHINESE = {
    "red": "红色",
    "green": "绿色",
    "blue": "蓝色",
    "yellow": "黄色",
    "orange": "橙色",
    "purple": "紫色",
    "black": "黑色",
    "circle": "圆形",
    "square": "正方形",
    "triangle": "三角形",
    "star": "星形",
    "left": "向左",
    "right": "向右",
    "up": "向上",
    "down": "向下",
}

SHADES = {
    "red": ((220, 30, 30), (255, 0, 0), (214, 39, 40), (200, 16, 46)),
    "green": ((30, 160, 50), (0, 128, 0), (0, 200, 0), (44, 160, 44), (0, 255, 0)),
    "blue": ((30, 70, 220), (0, 0, 255), (31, 119, 180), (30, 100, 240)),
    "yellow": ((245, 215, 30), (255, 255, 0), (250, 220, 0), (255, 235, 59)),
    "orange": ((250, 140, 20), (255, 165, 0), (255, 127, 14), (245, 130, 30)),
    "purple": ((140, 40, 170), (128, 0, 128), (148, 103, 189), (120, 40, 200)),
    "black": ((15, 15, 15), (0, 0, 0), (35, 35, 35)),
}


def word(name: str, language: Language) -> str:
    return CHINESE[name] if language == "zh" else name


def shade(rng: Random, colour: str) -> tuple[int, int, int]:
    """A red, green, blue value that everyone would call `colour`."""
    red, green, blue = rng.choice(SHADES[colour])
    if rng.random() < 0.4:
        return (red, green, blue)
    return (_near(rng, red), _near(rng, green), _near(rng, blue))


def _near(rng: Random, value: int) -> int:
    return max(0, min(255, value + rng.randint(-12, 12)))


def with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def listed(items: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
