"""Lessons for the whole model: answers to questions, while the tower goes on with its own lessons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.demo import tower
from engine.demo.align import Alignment
from engine.demo.model import Probes
from engine.demo.pictures import to_tensors
from engine.demo.sequences import UNLABELLED
from engine.demo.text import Batch, read
from engine.demo.vision import see

BALANCE = 0.01


@dataclass(slots=True)
class Result:
    loss: Tensor
    answers: Tensor
    """The part of the loss that is about answers."""
    right: dict[str, list[bool]]
    """For each kind of question, which were predicted without a single wrong token."""
    named: Tensor
    """The part about words for what is seen."""
    seen: dict[str, Tensor]
    """Share of auxiliary targets that the merged tokens tell."""


def to_batch(arrays: dict[str, Any], device: torch.device | str = "cpu") -> Batch:
    parts = {
        name: torch.from_numpy(value).to(device) if isinstance(value, np.ndarray) else value
        for name, value in arrays.items()
        if name != "pictures"
    }
    return Batch(pictures=to_tensors(arrays["pictures"], device), **parts)


def step(model: Any, probes: Probes, alignment: Alignment, batch: Batch, auxiliary: float) -> Result:
    """One forward pass; `auxiliary` weighs the tower's own lessons."""
    vision = see(model.model.visual, batch.pictures)
    hidden, balance = read(model.model.language_model, batch, vision)
    labels = batch.labels.flatten()
    asked = (labels != UNLABELLED).nonzero()[:, 0]
    scores, wanted = F.linear(hidden[asked], model.lm_head.weight).float(), labels[asked]
    owner, inverse, lengths = _questions(batch, asked)
    weight = lengths.float().rsqrt()[inverse]
    answers = (F.cross_entropy(scores, wanted, reduction="none") * weight).sum() / weight.sum()
    lesson, seen = tower.losses(probes, vision, batch.pictures)
    named = alignment.loss(model, vision.merged, batch.pictures.targets)
    loss = answers + auxiliary * (lesson + named) + BALANCE * balance + tower.scale_penalty(vision)
    correct = torch.ones(len(owner), device=labels.device)
    correct.scatter_reduce_(0, inverse, (scores.argmax(-1) == wanted).float(), "amin")
    return Result(loss, answers.detach(), _by_kind(batch, owner, correct), named.detach(), seen)


def _questions(batch: Batch, asked: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Which question each labelled token belongs to: the questions, an index into them, their lengths.

    Tokens of long answers weigh less (by the root of the length), lest JSON drown everything else.
    """
    segment = batch.segments.flatten()[asked]
    segment = torch.where(segment == 0, 1, segment)
    owner = asked // batch.ids.shape[1] * 1000 + segment
    return owner.unique(return_inverse=True, return_counts=True)


def _by_kind(batch: Batch, owner: Tensor, correct: Tensor) -> dict[str, list[bool]]:
    names = {row * 1000 + segment: kind for row, segment, kind in batch.kinds}
    right: dict[str, list[bool]] = {}
    for number, good in zip(owner.tolist(), correct.tolist(), strict=True):
        right.setdefault(names[number], []).append(good > 0)
    return right
