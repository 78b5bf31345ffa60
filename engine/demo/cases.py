"""Held-out cases: what is sent to a task, and which answer is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from PIL import Image

from engine.demo.data import (
    chart_questions,
    charts,
    pairs,
    place_questions,
    plots,
    reading,
    shape_questions,
    shapes,
    talk,
    videos,
)
from engine.demo.data.canvas import Question, Sample
from engine.demo.data.words import LANGUAGES, Language
from gateway.tasks import BY_NAME


@dataclass(frozen=True, slots=True)
class Case:
    group: str
    """The line of the table that this case counts for."""
    task: str
    """The gateway task that is asked."""
    kind: str
    text: str
    wanted: tuple[str, ...]
    """Any of these is right."""
    images: tuple[Image.Image, ...] = ()
    as_clip: bool = False
    """The images go as an MP4."""
    pages: tuple[str, ...] = ()
    """What each page of a document says."""

    def right(self, answer: str, data: Any) -> bool:
        """Exact but for spaces around; charts are compared as data, relations by their verdict."""
        if self.task == "chart_parse":
            return data == json.loads(self.wanted[0])
        if self.kind == "relation":
            return place_questions.verdict(answer) == place_questions.verdict(self.wanted[0])
        return answer.strip() in self.wanted


def _first(group: str, task: str, sample: Sample) -> Case | None:
    if not sample.questions:
        return None
    question = sample.questions[0]
    return Case(
        group, task, question.kind, question.text, (question.answer,), tuple(sample.images), sample.is_video
    )


def _default(task: str, language: Language) -> str:
    """The task's own question: an empty text in English, in Chinese the words themselves."""
    default = BY_NAME[task].default_text
    return default.zh if default and language == "zh" else ""


def _shapes(rng: Random, language: Language) -> Case | None:
    kinds = tuple(kind for kind in shape_questions.KINDS if kind != "caption")
    kind = rng.choice(kinds)
    size, scene = shapes.scene(rng)
    image, _ = shapes.draw(rng, size, scene)
    found = shape_questions.questions(rng, scene, 1, (kind,), language)
    return _first("shapes", "vqa", Sample([image], [], found))


def _caption(rng: Random, language: Language) -> Case | None:
    size, scene = shapes.scene(rng)
    image, _ = shapes.draw(rng, size, scene)
    wanted = shape_questions.caption(scene, language)
    return Case(
        "captions",
        "captioning",
        f"{len(scene)} shapes",
        _default("captioning", language),
        (wanted,),
        (image,),
    )


def _pair(rng: Random, language: Language) -> Case | None:
    return _first("two images", "vqa", pairs.sample(rng, 1, language=language))


def _chart(rng: Random, language: Language) -> Case | None:
    chart = charts.bars(rng)
    image, _ = charts.draw(rng, chart)
    return _parse("charts", chart, image, language)


def _plot(rng: Random, language: Language) -> Case | None:
    chart = charts.bars(rng)
    image, _ = plots.draw(rng, chart.labels, chart.values)
    return _parse("charts by matplotlib", chart, image, language)


def _parse(group: str, chart: charts.Bars, image: Image.Image, language: Language) -> Case:
    text = _default("chart_parse", language)
    return Case(
        group,
        "chart_parse",
        f"{len(chart.values)} bars",
        text,
        (chart_questions.as_json(chart, language),),
        (image,),
    )


def _chart_question(rng: Random, language: Language) -> Case | None:
    chart = charts.bars(rng)
    image, _ = charts.draw(rng, chart)
    kind = rng.choice(("value", "value", "highest", "lowest", "higher", "difference"))
    return _first(
        "chart questions",
        "vqa",
        Sample([image], [], chart_questions.questions(rng, chart, 1, (kind,), language)),
    )


def _lines(count: int) -> Callable[[Random, Language], Case | None]:
    def make(rng: Random, language: Language) -> Case | None:
        lines = [reading.line(rng) for _ in range(count)]
        image, _ = reading.page(rng, lines)
        text = _default("doc_analyze", language)
        found = "\n".join(lines)
        wanted = (found, talk.join_pages([found], language))
        return Case(
            f"reading, {count} line{'s' if count > 1 else ''}", "doc_analyze", "read", text, wanted, (image,)
        )

    return make


def _document(rng: Random, language: Language) -> Case | None:
    found = [
        "\n".join(reading.line(rng) for _ in range(rng.choice((1, 1, 2)))) for _ in range(rng.randint(2, 3))
    ]
    images = tuple(reading.page(rng, page.split("\n"))[0] for page in found)
    text = _default("doc_analyze", language)
    return Case(
        "documents, 2-3 pages",
        "doc_analyze",
        f"{len(found)} pages",
        text,
        (talk.join_pages(found, language),),
        images,
        pages=tuple(found),
    )


def _video(as_clip: bool) -> Callable[[Random, Language], Case | None]:
    def make(rng: Random, language: Language) -> Case | None:
        film = videos.clip(rng)
        frames, _ = videos.draw(rng, film)
        found = videos.questions(rng, film, 1, language)
        sample = Sample(frames, [], found, is_video=as_clip)
        return _first("videos as MP4" if as_clip else "videos as frames", "video_qa", sample)

    return make


def _beyond(rng: Random, language: Language) -> Case | None:
    size, scene = shapes.scene(rng)
    image, _ = shapes.draw(rng, size, scene)
    question: Question = talk.beyond(rng, language)
    return Case("beyond the domain", "vqa", "beyond", question.text, (question.answer,), (image,))


MAKERS: dict[str, Callable[[Random, Language], Case | None]] = {
    "shapes": _shapes,
    "captions": _caption,
    "two images": _pair,
    "charts": _chart,
    "charts by matplotlib": _plot,
    "chart questions": _chart_question,
    "reading, 1 line": _lines(1),
    "reading, 2 lines": _lines(2),
    "reading, 3 lines": _lines(3),
    "documents": _document,
    "videos as MP4": _video(as_clip=True),
    "videos as frames": _video(as_clip=False),
    "beyond the domain": _beyond,
}


def cases(name: str, count: int, salt: str = "held out") -> list[Case]:
    """`count` cases of one group; the same for the same salt."""
    found: list[Case] = []
    number = 0
    while len(found) < count:
        rng = Random(f"{salt} {name} {number}")
        case = MAKERS[name](rng, LANGUAGES[number % 2])
        if case:
            found.append(case)
        number += 1
    return found
