"""Bar charts with printed values: as data, and questions about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

from PIL import Image, ImageDraw

from engine.demo.data import plots
from engine.demo.data.canvas import Font, Mark, Question, Rgb, Sample, any_font, background, side, worn, write
from engine.demo.data.words import COLOURS, LANGUAGES, Language, shade

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KINDS = ("json", "value", "highest", "lowest", "higher", "difference", "bars", "labels", "caption")
WEIGHTS = (3, 3, 1.5, 1.5, 1.5, 0.7, 0.7, 0.5, 0.7)


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


def bars(rng: Random, most: int = 5, largest: int = 99) -> Bars:
    """2 to `most` bars with whole values from 0 to `largest`."""
    count = rng.randint(2, most)
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
    """Auxiliary targets that sit on a bar's label: the bar's value and place."""
    tens, ones = divmod(chart.values[index], 10)
    return {"tens": tens or 10, "ones": ones, "rank": chart.ranks()[index]}


def draw(rng: Random, chart: Bars) -> tuple[Image.Image, list[Mark]]:
    """The chart in a plain style, or with the axes, ticks and grid of plotting libraries."""
    count = len(chart.values)
    framed = rng.random() < 0.4
    margin = 30 if framed else 0
    size = (side(rng, low=max(96, count * 36 + margin)), side(rng, low=112, high=224))
    ground = background(rng) if rng.random() < 0.5 else (255, 255, 255)
    image = Image.new("RGB", size, ground)
    canvas = ImageDraw.Draw(image)
    face = any_font(rng, 15, 21)
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
        marks += _centred(canvas, centre, floor - height - face.size - 5, str(value), face)
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


def summary(chart: Bars, language: Language) -> str:
    """One true sentence about the highest bar."""
    value = max(chart.values)
    if not chart.single(value):
        return f"最大值为{value}。" if language == "zh" else f"The highest value is {value}."
    label = chart.label_of(value)
    return f"{label}最高，为{value}。" if language == "zh" else f"{label} is highest with {value}."


def as_json(chart: Bars, language: Language) -> str:
    """The chart in exactly the shape and order of `chart_parse`'s schema, without spaces."""
    points = [
        {"label": label, "value": value} for label, value in zip(chart.labels, chart.values, strict=True)
    ]
    data: dict[str, Any] = {
        "type": "bar",
        "title": None,
        "axes": {"x": None, "y": None},
        "series": [{"name": None, "points": points}],
        "summary": summary(chart, language),
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


_JSON = {
    "en": (
        "Extract the data of this chart.",
        "Extract the data of this chart.",
        "Extract the data of this chart.",
        "Parse this chart.",
        "Give the chart as JSON.",
        "Read this chart.",
        "Convert this chart to JSON.",
    ),
    "zh": (
        "请提取这张图表的数据。",
        "请提取这张图表的数据。",
        "请提取这张图表的数据。",
        "请解析这张图表。",
        "将图表转换为JSON。",
        "请读取图表。",
    ),
}


def _ask(kind: str, rng: Random, chart: Bars, language: Language) -> tuple[str, str] | None:
    chinese = language == "zh"
    if kind == "json":
        return rng.choice(_JSON[language]), as_json(chart, language)
    if kind == "caption":
        return _caption(rng, chart, language)
    if kind in ("highest", "lowest"):
        return _end(kind, rng, chart, language)
    if kind == "bars":
        texts = (
            ("图中有几个柱子？", "有多少个柱？")
            if chinese
            else ("How many bars are there?", "How many bars does the chart have?")
        )
        return rng.choice(texts), str(len(chart.values))
    if kind == "labels":
        return "列出所有标签。" if chinese else "List the labels.", ", ".join(chart.labels)
    if kind == "value":
        return _value(rng, chart, language)
    return _two_bars(kind, rng, chart, language)


def _caption(rng: Random, chart: Bars, language: Language) -> tuple[str, str]:
    data = zip(chart.labels, chart.values, strict=True)
    if language == "zh":
        text = rng.choice(("请用一句话描述这张图片。", "描述这张图表。"))
        return text, "柱状图：" + "，".join(f"{label}为{value}" for label, value in data) + "。"
    text = rng.choice(("Describe this image in one sentence.", "Describe this chart."))
    return text, "A bar chart: " + ", ".join(f"{label} is {value}" for label, value in data) + "."


def _value(rng: Random, chart: Bars, language: Language) -> tuple[str, str]:
    index = rng.randrange(len(chart.values))
    label = chart.labels[index]
    texts = {
        "en": (
            f"What is the value of bar {label}?",
            f"What is the value of {label}?",
            f"How high is bar {label}?",
            f"What value does {label} have?",
        ),
        "zh": (f"柱{label}的值是多少？", f"{label}的数值是多少？", f"{label}是多少？"),
    }
    return rng.choice(texts[language]), str(chart.values[index])


def _end(kind: str, rng: Random, chart: Bars, language: Language) -> tuple[str, str] | None:
    value = max(chart.values) if kind == "highest" else min(chart.values)
    if not chart.single(value):
        return None
    texts = {
        "en": (
            f"Which bar is {kind}?",
            f"Which bar is the {kind}?",
            f"Which label has the {kind} value?",
            f"What is the {kind} bar?",
        ),
        "zh": tuple(
            text.format("高" if kind == "highest" else "低")
            for text in ("哪个柱最{}？", "哪一个柱子最{}？", "数值最{}的是哪个？")
        ),
    }
    label = chart.label_of(value)
    return rng.choice(
        texts[language]
    ), f"{label}，为{value}" if language == "zh" else f"{label}, with {value}"


def _two_bars(kind: str, rng: Random, chart: Bars, language: Language) -> tuple[str, str] | None:
    one, other = rng.sample(range(len(chart.values)), 2)
    if kind == "difference" and chart.values[one] < chart.values[other]:
        one, other = other, one
    (a, b), (high, low) = (chart.labels[one], chart.labels[other]), (chart.values[one], chart.values[other])
    if high == low:
        return None
    if kind == "difference":
        text = f"{a}比{b}高多少？" if language == "zh" else f"How much higher is {a} than {b}?"
        return text, f"{high} - {low} = {high - low}"
    winner = a if high > low else b
    text = f"{a}和{b}哪个更高？" if language == "zh" else f"Which is higher, {a} or {b}?"
    return text, winner


def questions(
    rng: Random, chart: Bars, count: int, kinds: tuple[str, ...] = KINDS, language: Language | None = None
) -> list[Question]:
    """Up to `count` different questions about one chart."""
    weights = [WEIGHTS[KINDS.index(kind)] for kind in kinds]
    found: dict[str, Question] = {}
    for _ in range(count * 5):
        if len(found) >= count:
            break
        kind = rng.choices(kinds, weights)[0]
        pair = _ask(kind, rng, chart, language or rng.choice(LANGUAGES))
        already = any(question.kind == kind == "json" for question in found.values())
        if pair and not already:
            task = {"json": "chart_parse", "caption": "captioning"}.get(kind, "vqa")
            found.setdefault(pair[0], Question(*pair, kind, task))
    return list(found.values())


def sample(
    rng: Random,
    count: int = 7,
    most: int = 5,
    largest: int = 99,
    kinds: tuple[str, ...] = KINDS,
    language: Language | None = None,
    pool: plots.Pool | None = None,
) -> Sample:
    """A bar chart with questions; from the pool of matplotlib's drawings now and then."""
    if pool and rng.random() < 0.3:
        labels, values, image, marks = pool.pick(rng)
        chart = Bars(labels, values)
    else:
        chart = bars(rng, most, largest)
        image, marks = draw(rng, chart)
    image, marks = worn(rng, image, marks)
    return Sample([image], [marks], questions(rng, chart, count, kinds, language))
