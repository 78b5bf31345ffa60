"""The two phases of training: the tower's lessons alone, then everything together."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.demo import joint, packing, pictures, tokens, tower
from engine.demo.align import Alignment
from engine.demo.crew import Crew
from engine.demo.data import plots
from engine.demo.loop import Feed, Scores, run_phase
from engine.demo.model import Probes
from engine.demo.precision import mixed
from engine.demo.sequences import Packer
from engine.demo.state import Optimizers, State
from engine.demo.vision import see

log = logging.getLogger(__name__)

TOWER_PICTURES = 96
SEQUENCES = 48
"""Pictures and sequences in one step."""
AUXILIARY = 0.4
"""Weight of the tower's own lessons beside answers; it falls to nothing at the end."""
ENOUGH = 0.85
"""Share of right answers at which the next level of difficulty begins."""
OVERDUE = (0.1, 0.25)
"""Share of the time after which it begins in any case."""
SETTLING, SETTLING_RATE = 80, 1e-2
"""Steps for new probes on a trained tower, and their learning rate."""


@dataclass(slots=True)
class Course:
    """Who learns, where the files lie, and how."""

    crew: Crew
    folder: Path
    network: Any
    probes: Probes
    device: str
    workers: int
    """Processes that draw, for each that learns."""
    rate: float
    trained: bool
    """The weights come from an earlier training."""

    def state(self, phase: str) -> State:
        optimizers = Optimizers(self.network, self.probes, self.rate, self.crew, joint=phase == "joint")
        return State(self.folder / f"{phase}.pt", self.network, self.probes, optimizers)


def tower_phase(course: Course, minutes: float) -> None:
    """The tower with its auxiliary lessons; a trained one keeps to the words that it is read by."""
    state = course.state("tower")
    alignment = Alignment(tokens.load(course.folder / "tokenizer")) if course.trained else None
    pool, count = plots.Pool.load(course.folder / "plots"), TOWER_PICTURES // course.crew.size
    feed = Feed(lambda rng, _: tower.batch(rng, count, pool), course.workers)
    if course.trained and not state.step:
        settle(course, feed)

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        seen = pictures.to_tensors(arrays, course.device)
        with mixed(course.device):
            vision = see(course.network.model.visual, seen)
            loss, right = tower.losses(course.probes, vision, seen)
            if alignment:
                loss = loss + alignment.loss(course.network, vision.merged, seen.targets)
            loss = loss + tower.scale_penalty(vision)
        loss.backward()
        for name, value in right.items():
            scores.add(name, value.item())
        return loss.item()

    run_phase("tower", course.crew, state, minutes, feed, learn, lambda _: None)
    feed.close()


def settle(course: Course, feed: Feed) -> None:
    """New probes learn to read a trained tower before they may change it."""
    course.crew.join()
    weights = list(course.probes.parameters())
    optimizer = torch.optim.AdamW(weights, SETTLING_RATE)
    right: dict[str, torch.Tensor] = {}
    for _ in tqdm(range(SETTLING), desc="probes", mininterval=10, disable=not course.crew.leads):
        seen = pictures.to_tensors(feed.next(), course.device)
        with mixed(course.device):
            with torch.no_grad():
                vision = see(course.network.model.visual, seen)
            loss, right = tower.losses(course.probes, vision, seen)
        loss.backward()
        course.crew.average(weights)
        optimizer.step()
        optimizer.zero_grad()
    if course.crew.leads:
        log.info("probes: %s", " ".join(f"{name} {value.item():.2f}" for name, value in right.items()))


def joint_phase(course: Course, minutes: float) -> None:
    """Everything together, from easy samples to hard ones; a trained model begins with the hard ones."""
    state = course.state("joint")
    last = len(packing.LEVELS) - 1
    if course.trained:
        state.level = last
    pool, count = plots.Pool.load(course.folder / "plots"), SEQUENCES // course.crew.size
    tokenizer = tokens.load(course.folder / "tokenizer")
    packer, alignment = Packer(tokens.Encoder(tokenizer)), Alignment(tokenizer)
    feed = Feed(
        lambda rng, level: packing.batch(rng, packer, count, level, pool), course.workers, state.level
    )

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        weight = AUXILIARY * min(1.0, 2.5 * (1 - share))
        batch = joint.to_batch(arrays, course.device)
        with mixed(course.device):
            result = joint.step(course.network, course.probes, alignment, batch, weight)
        result.loss.backward()
        for kind, rights in result.right.items():
            for right in rights:
                scores.add(kind, right)
        for name, value in result.seen.items():
            scores.add(f"sees {name}", value.item())
        scores.add("naming", result.named.item())
        return result.answers.item()

    def grade(scores: Scores) -> None:
        marks = [scores.mean("shapes.colour"), scores.mean("shapes.caption")]
        passed = all(mark is not None and mark > ENOUGH for mark in marks)
        if state.level < last and (passed or state.seconds > minutes * 60 * OVERDUE[state.level]):
            state.level += 1
            scores.clear()

    run_phase("joint", course.crew, state, minutes, feed, learn, grade)
    feed.close()
