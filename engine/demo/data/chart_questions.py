"""Bar charts as data, and questions about them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from engine.demo.data import charts, plots
from engine.demo.data.canvas import Question, Sample, worn
from engine.demo.data.charts import Bars
from engine.demo.data.reading import READ
from engine.demo.data.words import LANGUAGES, Language

KINDS = ("json", "value", "highest", "lowest", "higher", "difference", "bars", "labels", "caption", "read")
WEIGHTS = (3, 6, 1.5, 1.2, 1.2, 2.5, 0.15, 0.3, 0.5, 1)


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
    if kind == "read":
        lines = (f"{label} {value}" for label, value in zip(chart.labels, chart.values, strict=True))
        return rng.choice(READ[language]), "\n".join(lines)
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
            task = {"json": "chart_parse", "caption": "captioning", "read": "doc_analyze"}.get(kind, "vqa")
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
    """A bar chart with questions; from the pool of matplotlib's drawings now and then. Those with many bars,
    which are learned last, come more often."""
    if pool and rng.random() < 0.3:
        labels, values, image, marks = pool.pick(rng)
        chart = Bars(labels, values)
    else:
        chart = charts.bars(rng, most, largest, least=2 if rng.random() < 0.5 else max(2, most - 1))
        image, marks = charts.draw(rng, chart)
    image, marks = worn(rng, image, marks)
    return Sample([image], [marks], questions(rng, chart, count, kinds, language))
