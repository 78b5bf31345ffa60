"""Samples of every kind, drawn by difficulty, as the arrays of one training step."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from engine.demo import prompts
from engine.demo.data import chart_questions, pairs, plots, reading, shape_questions, talk, videos
from engine.demo.data.canvas import Question, Sample
from engine.demo.data.words import LANGUAGES, Language
from engine.demo.pictures import View, gather, views
from engine.demo.sequences import UNLABELLED, Packer, Sequence
from engine.demo.tower import lesson

PADDING = -1


@dataclass(frozen=True, slots=True)
class Level:
    """How hard the samples are."""

    shapes: int
    characters: int
    lines: int
    bars: int
    largest: int
    side: int


LEVELS = (Level(2, 3, 1, 2, 9, 128), Level(3, 5, 2, 3, 99, 192), Level(5, 6, 3, 5, 99, 256))
MIXTURE = {
    "shapes": 0.34,
    "chart": 0.23,
    "reading": 0.27,
    "pair": 0.07,
    "video": 0.03,
    "summary": 0.03,
    "sums": 0.02,
    "talk": 0.01,
}


REVIEW = 0.25
"""Share of samples that come from the level below, so that what is easy is not forgotten."""


def draw(rng: Random, level: Level, language: Language | None, pool: plots.Pool | None) -> tuple[str, Sample]:
    """A sample of any kind, now and then with a question beyond the domain."""
    kind = rng.choices(list(MIXTURE), list(MIXTURE.values()))[0]
    if kind == "shapes":
        sample = shape_questions.sample(rng, 16, level.shapes, level.side, language=language)
    elif kind == "chart":
        sample = chart_questions.sample(rng, 14, level.bars, level.largest, language=language, pool=pool)
    elif kind == "reading":
        sample = reading.sample(rng, 6, level.lines, min(3, level.characters), level.characters, language)
    elif kind == "pair":
        sample = pairs.sample(rng, 14, min(4, level.shapes), language)
    elif kind == "video":
        sample = videos.sample(rng, 8, language)
    elif kind == "sums":
        sample = Sample([], [], talk.sums(rng, 20, language))
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
    """Several documents behind one system message; each is a question of its own."""
    language = rng.choice(LANGUAGES)
    role = rng.choice(prompts.ROLES[language]) if rng.random() < 0.15 else ""
    system, questions = "", []
    for _ in range(8):
        text, found, answer = talk.pages(rng, language)
        system, asked = prompts.summary(text or prompts.default("doc_analyze", language), found, role)
        questions.append(Question(asked, answer, "summary", "doc_analyze"))
    return packer.pack(rng, Sample([], [], questions), system)


def batch(rng: Random, packer: Packer, count: int, level: int, pool: plots.Pool | None) -> dict[str, Any]:
    """Arrays of one training step: `count` sequences, and a few pictures for the tower alone."""
    below = max(0, level - 1)
    levels = [below if rng.random() < REVIEW else level for _ in range(count)]
    packed = [sequence(rng, packer, LEVELS[each], pool) for each in levels]
    return arrays(packed, [view for _ in range(count // 4) for view in views(lesson(rng, pool))])


def arrays(packed: list[Sequence], extra: list[View] | None = None) -> dict[str, Any]:
    """Sequences as arrays, padded to the longest, with `extra` pictures that stand in none of them."""
    extra = extra or []
    count, length = len(packed), max(len(one.ids) for one in packed)
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
    at += [np.full(view.tokens, -1) for view in extra]
    shown, order = gather(found + extra)
    kinds = [
        (row, number, kind) for row, one in enumerate(packed) for number, kind in enumerate(one.kinds, 1)
    ]
    return {
        "pictures": shown,
        "ids": ids,
        "positions": positions,
        "segments": segments,
        "labels": labels,
        "vision_at": np.concatenate([at[index] for index in order]),
        "kinds": kinds,
    }
