"""Trains the demo checkpoint, from nothing or from an older one. It can be killed and started again.

    python -m engine.demo.train                            # tokenizer, plots, tower, answers, export
    python -m engine.demo.train --phase joint --minutes 60 # one phase

Everything it needs lies in `--run` (state every two minutes); a phase that has had its minutes is
skipped. Uses a GPU where PyTorch finds one.
"""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.demo import crew as crews
from engine.demo import export, grow, joint, model, packing, pictures, tokens, tower
from engine.demo.align import Alignment
from engine.demo.crew import Crew
from engine.demo.data import plots
from engine.demo.loop import Feed, Scores, run_phase
from engine.demo.model import Probes
from engine.demo.sequences import Packer
from engine.demo.state import Optimizers, State, load_weights
from engine.demo.vision import see

log = logging.getLogger("engine.demo.train")

RATE, FURTHER_RATE = 1.2e-3, 0.6e-3
"""Learning rates from nothing, and for a further round with trained weights."""
TOWER_PICTURES = 56
SEQUENCES = 32
"""Pictures and sequences in one step."""
AUXILIARY = 0.4
"""Weight of the tower's own lessons beside answers; it falls to nothing at the end."""
ENOUGH = 0.85
"""Share of right answers at which the next level of difficulty begins."""
OVERDUE = (0.1, 0.25)
"""Share of the time after which it begins in any case."""
PLOTS, PLOTS_A_PART = 1600, 400


def train_tower(
    crew: Crew,
    folder: Path,
    network: Any,
    probes: Probes,
    minutes: float,
    device: str,
    workers: int,
    further: bool = False,
) -> None:
    """The tower with its auxiliary lessons; a trained one keeps to the words that it is read by."""
    rate = FURTHER_RATE if further else RATE
    state = State(folder / "tower.pt", network, probes, Optimizers(network, probes, rate, joint=False))
    alignment = Alignment(tokens.load(folder / "tokenizer")) if further else None
    pool = plots.Pool.load(folder / "plots")
    feed = Feed(lambda rng, _: tower.batch(rng, TOWER_PICTURES // crew.size, pool), workers)

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        seen = pictures.to_tensors(arrays, device)
        vision = see(network.model.visual, seen)
        loss, right = tower.losses(probes, vision, seen)
        if alignment:
            loss = loss + alignment.loss(network, vision.merged, seen.targets)
        (loss + tower.scale_penalty(vision)).backward()
        for name, value in right.items():
            scores.add(name, value.item())
        return loss.item()

    run_phase("tower", crew, state, minutes, feed, learn, lambda _: None)
    feed.close()


def train_joint(
    crew: Crew,
    folder: Path,
    network: Any,
    probes: Probes,
    minutes: float,
    device: str,
    workers: int,
    further: bool = False,
) -> None:
    """Everything together, from easy samples to hard ones; a further round begins with the hard ones."""
    rate = FURTHER_RATE if further else RATE
    state = State(folder / "joint.pt", network, probes, Optimizers(network, probes, rate, joint=True))
    if further:
        state.level = len(packing.LEVELS) - 1
    pool = plots.Pool.load(folder / "plots")
    tokenizer = tokens.load(folder / "tokenizer")
    packer, alignment = Packer(tokens.Encoder(tokenizer)), Alignment(tokenizer)
    feed = Feed(
        lambda rng, level: packing.batch(rng, packer, SEQUENCES // crew.size, level, pool),
        workers,
        state.level,
    )

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        weight = AUXILIARY * min(1.0, 2.5 * (1 - share))
        result = joint.step(network, probes, alignment, joint.to_batch(arrays, device), weight)
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
        if state.level == len(packing.LEVELS) - 1:
            return
        if passed or state.seconds > minutes * 60 * OVERDUE[state.level]:
            state.level += 1
            scores.clear()

    run_phase("joint", crew, state, minutes, feed, learn, grade)
    feed.close()


def prepare(folder: Path) -> None:
    """Tokenizer and matplotlib's drawings, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "tokenizer").exists():
        tokens.train().save_pretrained(folder / "tokenizer")
    parts = range(PLOTS // PLOTS_A_PART)
    for part in tqdm(
        [part for part in parts if not (folder / "plots" / f"{part}.pickle").exists()], desc="plots"
    ):
        plots.fill_pool(folder / "plots", part, PLOTS_A_PART)


def work(crew: Crew, options: argparse.Namespace) -> None:
    """What each process does: the phases in turn."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    tokenizer = tokens.load(options.run / "tokenizer")
    network, probes = model.build(len(tokenizer)), Probes()
    if options.grow_from:
        log.info("left as they were: %s", grow.grow(network, tokenizer, options.grow_from))
    if options.further:
        load_weights(options.further, network, probes)
    network.to(options.device)
    probes.to(options.device)
    if options.phase in (None, "tower"):
        minutes, further = options.minutes or 30, bool(options.further)
        train_tower(crew, options.run, network, probes, minutes, options.device, options.workers, further)
    if options.phase in (None, "joint"):
        if (options.run / "tower.pt").exists():
            load_weights(options.run / "tower.pt", network, probes, "model.visual.")
        minutes, further = options.minutes or 90, bool(options.further)
        train_joint(crew, options.run, network, probes, minutes, options.device, options.workers, further)
    if options.phase is None and crew.leads:
        export.export(network.state_dict(), tokenizer, tokens.CHECKPOINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--phase", choices=("prepare", "tower", "joint"), help="only this phase, without export"
    )
    parser.add_argument(
        "--run", type=Path, default=Path("runs/demo"), help="folder for everything that training writes"
    )
    parser.add_argument("--minutes", type=float, help="length of the phase (default: tower 30, joint 90)")
    parser.add_argument("--grow-from", type=Path, help="checkpoint to begin from instead of random weights")
    parser.add_argument("--further", type=Path, help="another run's joint.pt to go on from, with a new clock")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw, for each that learns")
    parser.add_argument(
        "--processes", type=int, help="processes that learn (default: one a core, or one on a GPU)"
    )
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = options.processes or (cores if options.device == "cpu" else 1)
    prepare(options.run)
    crews.run(size, options.run, work, options)


if __name__ == "__main__":
    main()
