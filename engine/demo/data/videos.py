"""Short clips of one shape that moves, or changes its colour."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from engine.demo.data.canvas import Mark, Question, Rgb, Sample, background, wear
from engine.demo.data.shapes import draw_shape
from engine.demo.data.words import COLOURS, DIRECTIONS, LANGUAGES, SHAPES, Language, shade, with_article, word

Point = tuple[float, float]
STILL = 0
KINDS = ("describe", "direction", "colour", "change", "end", "beginning", "form")


@dataclass(frozen=True, slots=True)
class Clip:
    """One shape over several frames; `direction` or `becomes` says what happens."""

    size: tuple[int, int]
    form: str
    colour: str
    radius: float
    path: tuple[Point, ...]
    direction: str | None
    becomes: str | None
    turn: int
    """The first frame with the new colour."""


def clip(rng: Random) -> Clip:
    size = (rng.choice((96, 128, 160)), rng.choice((96, 128, 160)))
    count = rng.choice((4, 4, 5, 6, 7, 8))
    form, colour = rng.choice(SHAPES), rng.choice(COLOURS)
    radius = rng.uniform(11, min(size) * 0.2)
    if rng.random() < 0.65:
        direction = rng.choice(DIRECTIONS)
        return Clip(
            size, form, colour, radius, _path(rng, size, radius, direction, count), direction, None, count
        )
    place = (rng.uniform(radius + 2, size[0] - radius - 2), rng.uniform(radius + 2, size[1] - radius - 2))
    becomes = rng.choice([other for other in COLOURS if other != colour])
    return Clip(size, form, colour, radius, (place,) * count, None, becomes, rng.randint(1, count - 1))


def _path(rng: Random, size: tuple[int, int], radius: float, direction: str, count: int) -> tuple[Point, ...]:
    """Even steps along one axis over at least 45 % of the way that there is."""
    across = direction in ("left", "right")
    length, breadth = size if across else (size[1], size[0])
    span = rng.uniform(0.45, 1) * (length - 2 * radius - 4)
    start = rng.uniform(radius + 2, length - radius - 2 - span)
    steps = [start + span * index / (count - 1) for index in range(count)]
    if direction in ("left", "up"):
        steps.reverse()
    beside = rng.uniform(radius + 2, breadth - radius - 2)
    return tuple((step, beside) if across else (beside, step) for step in steps)


def draw(rng: Random, film: Clip) -> tuple[list[Image.Image], list[list[Mark]]]:
    """Frames in time order, and marks of each."""
    ground = background(rng)
    first = shade(rng, film.colour)
    second = shade(rng, film.becomes) if film.becomes else first
    frames, marks = [], []
    for index, (x, y) in enumerate(film.path):
        fill = second if index >= film.turn else first
        frames.append(_frame(film, ground, x, y, fill))
        marks.append([Mark(x, y, _classes(film, index))])
    return frames, marks


def _frame(film: Clip, ground: Rgb, x: float, y: float, fill: Rgb) -> Image.Image:
    image = Image.new("RGB", film.size, ground)
    draw_shape(ImageDraw.Draw(image), film.form, x, y, film.radius, fill)
    return image


def _classes(film: Clip, index: int) -> dict[str, int]:
    """Targets of one frame; the pair that begins with it moves and ends as these say."""

    def colour_at(frame: int) -> int:
        late = film.becomes is not None and frame >= film.turn
        return COLOURS.index(film.becomes if late and film.becomes else film.colour) + 1

    classes = {
        "shape": SHAPES.index(film.form) + 1,
        "colour": colour_at(index),
        "becomes": colour_at(index + 1),
    }
    if index < len(film.path) - 1:  # a last odd frame is paired with itself
        classes["motion"] = DIRECTIONS.index(film.direction) + 1 if film.direction else STILL
    return classes


DESCRIBE = {
    "en": (
        "Describe what happens in this video.",
        "Describe what happens in this video.",
        "Describe the video.",
        "What happens in the video?",
        "What happens?",
    ),
    "zh": ("请描述视频中发生了什么。", "请描述视频中发生了什么。", "描述这个视频。", "视频里发生了什么？"),
}
_DIRECTION = {
    "en": (
        "Which direction does the shape move?",
        "Which direction does it move?",
        "In which direction does the object move?",
        "Which way does the {form} move?",
        "Where does the {form} go?",
        "In which direction does the {form} move?",
    ),
    "zh": ("图形向哪个方向移动？", "它往哪个方向移动？", "{form}向哪个方向移动？", "物体朝哪边移动？"),
}
_CHANGE = {
    "en": ("Does the shape change color?", "Does the color change?"),
    "zh": ("图形的颜色变了吗？", "颜色有变化吗？"),
}
_COLOUR = {
    "en": ("What color is the shape?", "What color is the {form}?"),
    "zh": ("图形是什么颜色？", "{form}是什么颜色？"),
}
_END = {
    "en": (
        "What color is the shape at the end?",
        "Which color does the {form} become?",
        "What color does it turn?",
    ),
    "zh": ("图形最后是什么颜色？", "{form}变成了什么颜色？"),
}
_BEGINNING = {
    "en": ("What color is the shape at the beginning?", "What color is the {form} at first?"),
    "zh": ("图形开始是什么颜色？", "{form}一开始是什么颜色？"),
}
_FORM = {
    "en": ("What shape is it?", "What shape is in the video?"),
    "zh": ("这是什么图形？", "视频中是什么形状？"),
}


def describe(film: Clip, language: Language) -> str:
    """One true sentence about what happens."""
    if language == "zh":
        named = "一个" + word(film.colour, "zh") + word(film.form, "zh")
        return (
            f"{named}{word(film.direction, 'zh')}移动。"
            if film.direction
            else f"{named}变成{word(str(film.becomes), 'zh')}。"
        )
    named = with_article(f"{film.colour} {film.form}").capitalize()
    return f"{named} moves {film.direction}." if film.direction else f"{named} turns {film.becomes}."


def _ask(kind: str, rng: Random, film: Clip, language: Language) -> tuple[str, str] | None:
    if kind == "describe":
        return rng.choice(DESCRIBE[language]), describe(film, language)
    if kind == "form":
        return rng.choice(_FORM[language]), word(film.form, language)
    if kind == "change":
        yes = film.becomes is not None
        answer = ("是" if yes else "没有") if language == "zh" else ("Yes" if yes else "No")
        return rng.choice(_CHANGE[language]), answer
    if kind == "direction":
        return (rng.choice(_DIRECTION[language]), word(film.direction, language)) if film.direction else None
    if kind == "colour":
        return (rng.choice(_COLOUR[language]), word(film.colour, language)) if not film.becomes else None
    colour = film.becomes if kind == "end" and film.becomes else film.colour
    texts = _END if kind == "end" else _BEGINNING
    return (rng.choice(texts[language]), word(colour, language)) if film.becomes else None


def questions(rng: Random, film: Clip, count: int, language: Language | None = None) -> list[Question]:
    """Up to `count` different questions about one clip."""
    found: dict[str, Question] = {}
    for _ in range(count * 4):
        if len(found) >= count:
            break
        kind = rng.choices(KINDS, (3, 3, 1, 1, 1, 1, 0.5))[0]
        chosen = language or rng.choice(LANGUAGES)
        pair = _ask(kind, rng, film, chosen)
        if pair:
            text = pair[0].format(form=word(film.form, chosen))
            found.setdefault(text, Question(text, pair[1], kind, "video_qa"))
    return list(found.values())


def sample(rng: Random, count: int = 6, language: Language | None = None) -> Sample:
    """A clip of 4 to 8 frames with questions; every frame worn alike, none resized."""
    film = clip(rng)
    frames, marks = draw(rng, film)
    if rng.random() < 0.4:
        quality = Random(rng.random())
        frames = [_same_size(frame, wear(quality, frame)) for frame in frames]
    return Sample(frames, marks, questions(rng, film, count, language), is_video=True)


def _same_size(frame: Image.Image, worn_frame: Image.Image) -> Image.Image:
    return (
        worn_frame
        if worn_frame.size == frame.size
        else worn_frame.resize(frame.size, Image.Resampling.BICUBIC)
    )
