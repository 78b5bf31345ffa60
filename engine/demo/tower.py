"""Lessons for the tower alone: what stands on each patch. Many times cheaper than whole answers."""

from __future__ import annotations

from random import Random
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.demo.data import chart_questions, plots, reading, shape_questions, videos
from engine.demo.data.canvas import ALWAYS, AUXILIARY, IGNORED, Sample
from engine.demo.model import Probes
from engine.demo.pictures import gather, views
from engine.demo.vision import Pictures, Vision

SIZES = list(AUXILIARY.values())
NAMES = list(AUXILIARY)
NOTHING = 0.15
"""Weight of the class "nothing here", which most patches have."""
SHARE = dict.fromkeys(("first", "second", "shape", "colour"), 1.0) | dict.fromkeys(
    ("place", "from_left", "tens", "ones"), 0.7
)
"""Weight of a channel's loss; of the others `OTHERS`."""
OTHERS = 0.4


def lesson(rng: Random, pool: plots.Pool | None = None) -> Sample:
    """One sample without questions, mostly for reading, which takes longest to learn."""
    draw = rng.random()
    if draw < 0.46:
        return reading.dense(rng)
    if draw < 0.68:
        return reading.sample(rng, count=0)
    if draw < 0.76:
        return shape_questions.sample(rng, count=0)
    if draw < 0.96:
        return chart_questions.sample(rng, count=0, pool=pool)
    return videos.sample(rng, count=0)


def batch(rng: Random, count: int, pool: plots.Pool | None = None) -> dict[str, Any]:
    """Arrays of `Pictures` for about `count` pictures."""
    found = [view for _ in range(count) for view in views(lesson(rng, pool))]
    return gather(found)[0]


def losses(probes: Probes, vision: Vision, pictures: Pictures) -> tuple[Tensor, dict[str, Tensor]]:
    """The auxiliary loss, and per channel how often the merged tokens tell it right."""
    channels = sum(SIZES)
    by_patch = probes.patch(vision.patches).float()
    by_token = probes.merged(vision.merged).float().view(-1, channels)
    truth = pictures.targets.long()
    total = torch.zeros((), device=truth.device)
    right: dict[str, Tensor] = {}
    parts = zip(NAMES, by_patch.split(SIZES, -1), by_token.split(SIZES, -1), strict=True)
    for channel, (name, patch, token) in enumerate(parts):
        wanted = truth[:, channel]
        asked = (wanted != IGNORED).nonzero()[:, 0]
        if not len(asked):
            continue
        weight = torch.ones(patch.shape[-1], device=truth.device)
        if channel < ALWAYS:
            weight[0] = NOTHING
        loss = F.cross_entropy(patch[asked], wanted[asked], weight)
        loss = loss + 1.5 * F.cross_entropy(token[asked], wanted[asked], weight)
        total = total + SHARE.get(name, OTHERS) * loss
        something = asked[wanted[asked] > 0] if channel < ALWAYS else asked
        if len(something):
            right[name] = (token[something].argmax(-1) == wanted[something]).float().mean().detach()
    return total, right


def scale_penalty(vision: Vision) -> Tensor:
    """Keeps visual embeddings in the range of text embeddings; they outgrow them otherwise."""
    penalty = torch.zeros((), device=vision.merged.device)
    for tokens in (vision.merged, *vision.deepstack):
        size = tokens.float().pow(2).mean(-1).add(1e-6).sqrt()
        penalty = penalty + F.relu(size - 1).pow(2).mean()
    return 0.05 * penalty
