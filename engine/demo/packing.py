"""Sequences that hold one picture once and several questions behind it, each blind to the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from engine.demo import prompts
from engine.demo.data import chart_questions, pairs, plots, reading, shape_questions, talk, videos
from engine.demo.data.canvas import Question, Sample
from engine.demo.data.words import LANGUAGES, Language
from engine.demo.model import IM_END, IM_START, IMAGE_PAD, VIDEO_PAD, VISION_END, VISION_START
from engine.demo.pictures import View, gather, views
from engine.demo.tokens import Encoder
from engine.demo.tower import lesson

UNLABELLED = -100
PADDING = -1
LONGEST = 256
"""Tokens of a sequence past which no further question is added."""


@dataclass(slots=True)
class Sequence:
    """One packed sequence. Segment 0 is the shared beginning; each question is a segment of its own."""

    ids: list[int] = field(default_factory=list)
    positions: list[tuple[int, int, int]] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    """The token that follows, where it is part of an answer."""
    views: list[View] = field(default_factory=list)
    vision_at: list[int] = field(default_factory=list)
    """Where the merged tokens of `views` stand."""
    kinds: list[str] = field(default_factory=list)
    """Kind of each question, from segment 1 on."""
    next: int = 0
    """The next free position."""

    def text(self, ids: tuple[int, ...] | list[int], segment: int = 0) -> None:
        self.ids += ids
        self.positions += [(self.next + step,) * 3 for step in range(len(ids))]
        self.segments += [segment] * len(ids)
        self.labels += [UNLABELLED] * len(ids)
        self.next += len(ids)

    def view(self, view: View, pad: int, segment: int = 0) -> None:
        """A picture between its two marks; its tokens share one time and lie on a grid."""
        self.text([VISION_START], segment)
        rows, columns = view.rows // 2, view.columns // 2
        start = self.next
        for row in range(rows):
            for column in range(columns):
                self.vision_at.append(len(self.ids))
                self.ids.append(pad)
                self.positions.append((start, start + row, start + column))
        self.segments += [segment] * view.tokens
        self.labels += [UNLABELLED] * view.tokens
        self.next = start + max(rows, columns)
        self.views.append(view)
        self.text([VISION_END], segment)

    def answer(self, ids: tuple[int, ...], segment: int, kind: str) -> None:
        """An answer; the token before it predicts its first."""
        self.labels[-1] = ids[0]
        self.text(ids, segment)
        self.labels[-len(ids) : -1] = ids[1:]
        self.kinds.append(kind)


class Packer:
    """Turns samples into sequences of token ids."""

    def __init__(self, encode: Encoder) -> None:
        self.encode = encode
        self.turn = (IM_END, *encode("\n"), IM_START, *encode("assistant\n"))

    def _begin(self, sequence: Sequence, system: str) -> None:
        if system:
            sequence.text(
                (IM_START, *self.encode("system\n"), *self.encode(system), IM_END, *self.encode("\n"))
            )
        sequence.text((IM_START, *self.encode("user\n")))

    def _look(self, rng: Random, sequence: Sequence, sample: Sample, segment: int = 0) -> None:
        found = views(sample)
        if not sample.is_video:
            for view in found:
                sequence.view(view, IMAGE_PAD, segment)
            return
        seconds = rng.choice((1.0, 1.0, 0.5, 0.5, 0.25, 0.2, 1 / 3))
        sequence.text([VISION_START], segment)
        for number, view in enumerate(found):
            sequence.text(self.encode(f"<{(2 * number + 0.5) * seconds:.1f} seconds>"), segment)
            sequence.view(view, VIDEO_PAD, segment)
        sequence.text([VISION_END], segment)

    def pack(self, rng: Random, sample: Sample, system: str, longest: int = LONGEST) -> Sequence:
        """Pictures first, then as many of the sample's questions as fit, at least one."""
        sequence = Sequence()
        self._begin(sequence, system)
        self._look(rng, sequence, sample)
        begin = sequence.next
        for number, question in enumerate(sample.questions, 1):
            asked, answer = (*self.encode(question.text), *self.turn), (*self.encode(question.answer), IM_END)
            if number > 1 and len(sequence.ids) + len(asked) + len(answer) > longest:
                break
            sequence.next = begin
            sequence.text(asked, number)
            sequence.answer(answer, number, question.kind)
        return sequence

    def pack_after_text(self, rng: Random, sample: Sample, system: str) -> Sequence:
        """One question, before the picture."""
        sequence = Sequence()
        question = sample.questions[0]
        self._begin(sequence, system)
        sequence.text(self.encode(question.text))
        self._look(rng, sequence, sample)
        sequence.text(self.turn, 1)
        sequence.answer((*self.encode(question.answer), IM_END), 1, question.kind)
        return sequence


@dataclass(frozen=True, slots=True)
class Level:
    """How hard the samples are."""

    shapes: int
    characters: int
    lines: int
    bars: int
    largest: int
    side: int


LEVELS = (Level(2, 3, 1, 2, 9, 128), Level(3, 5, 2, 3, 99, 192), Level(5, 8, 3, 5, 99, 256))
MIXTURE = {
    "shapes": 0.23,
    "chart": 0.29,
    "reading": 0.24,
    "pair": 0.1,
    "video": 0.09,
    "summary": 0.04,
    "talk": 0.01,
}


REVIEW = 0.35
"""Share of samples that come from the level below, so that what is easy is not forgotten."""


def draw(rng: Random, level: Level, language: Language | None, pool: plots.Pool | None) -> tuple[str, Sample]:
    """A sample of any kind, now and then with a question beyond the domain."""
    kind = rng.choices(list(MIXTURE), list(MIXTURE.values()))[0]
    if kind == "shapes":
        sample = shape_questions.sample(rng, 11, level.shapes, level.side, language=language)
    elif kind == "chart":
        sample = chart_questions.sample(rng, 8, level.bars, level.largest, language=language, pool=pool)
    elif kind == "reading":
        sample = reading.sample(rng, 5, level.lines, min(3, level.characters), level.characters, language)
    elif kind == "pair":
        sample = pairs.sample(rng, 9, min(4, level.shapes), language)
    elif kind == "video":
        sample = videos.sample(rng, 8, language)
    else:
        sample = Sample([], [], talk.talk(rng, 6, language))
    if sample.images and rng.random() < 0.04:
        place = rng.randint(0, 1)
        sample.questions.insert(place, talk.beyond(rng, language or rng.choice(LANGUAGES)))
    return kind, sample


def sequence(rng: Random, packer: Packer, level: Level, pool: plots.Pool | None) -> Sequence:
    """One training sequence, its kinds named `sample.kind`."""
    language = prompts.setting(rng)
    kind, sample = draw(rng, level, language, pool)
    if kind == "summary":
        packed = _summary(rng, packer)
    else:
        system = prompts.system(rng, sample.questions, language)
        late = bool(sample.images) and rng.random() < 0.06
        packed = (packer.pack_after_text if late else packer.pack)(rng, sample, system)
    packed.kinds = [f"{kind}.{name}" for name in packed.kinds]
    return packed


def _summary(rng: Random, packer: Packer) -> Sequence:
    language = rng.choice(LANGUAGES)
    text, found, answer = talk.pages(rng, language)
    role = rng.choice(prompts.ROLES[language]) if rng.random() < 0.15 else ""
    system, asked = prompts.summary(text, found, language, role)
    return packer.pack(rng, Sample([], [], [Question(asked, answer, "summary", "doc_analyze")]), system)


def batch(rng: Random, packer: Packer, count: int, level: int, pool: plots.Pool | None) -> dict[str, Any]:
    """Arrays of one training step: `count` sequences, and a few pictures for the tower alone."""
    below = max(0, level - 1)
    levels = [below if rng.random() < REVIEW else level for _ in range(count)]
    packed = [sequence(rng, packer, LEVELS[each], pool) for each in levels]
    length = max(len(one.ids) for one in packed)
    ids = np.zeros((count, length), np.int64)
    positions = np.zeros((3, count, length), np.int64)
    segments = np.full((count, length), PADDING, np.int64)
    labels = np.full((count, length), UNLABELLED, np.int64)
    found: list[View] = []
    at: list[np.ndarray] = []
    for row, one in enumerate(packed):
        size = len(one.ids)
        ids[row, :size], segments[row, :size], labels[row, :size] = one.ids, one.segments, one.labels
        positions[:, row, :size] = np.array(one.positions).T
        starts = np.cumsum([0, *(view.tokens for view in one.views)])
        places = np.array(one.vision_at, np.int64) + row * length
        at += [places[start:end] for start, end in pairwise(starts)]
        found += one.views
    extra = [view for _ in range(count // 4) for view in views(lesson(rng, pool))]
    at += [np.full(view.tokens, -1) for view in extra]
    arrays, order = gather(found + extra)
    kinds = [
        (row, number, kind) for row, one in enumerate(packed) for number, kind in enumerate(one.kinds, 1)
    ]
    return {
        "pictures": arrays,
        "ids": ids,
        "positions": positions,
        "segments": segments,
        "labels": labels,
        "vision_at": np.concatenate([at[index] for index in order]),
        "kinds": kinds,
    }


def load_pool(folder: Path) -> plots.Pool | None:
    return plots.Pool.load(folder)
