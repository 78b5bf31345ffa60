"""Trains the demo checkpoint, from nothing or from an older one. It can be killed and started again.

    python -m engine.demo.train --all                      # tokenizer, plots, tower, answers, export
    python -m engine.demo.train --phase joint --minutes 60 # one phase

Everything it needs lies in `--run` (state every two minutes); a phase that has had its minutes is
skipped. Uses a GPU where PyTorch finds one.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from engine.demo import export, grow, joint, model, packing, pictures, tokens, tower
from engine.demo.data import plots
from engine.demo.loop import Feed, Scores, run_phase
from engine.demo.model import Probes
from engine.demo.state import Optimizers, State, load_weights
from engine.demo.vision import see

log = logging.getLogger("engine.demo.train")

RATE = 1.2e-3
TOWER_PICTURES = 32
SEQUENCES = 20
"""Pictures and sequences in one step."""
ENOUGH = 0.85
"""Share of right answers at which the next level of difficulty begins."""
OVERDUE = (0.1, 0.25)
"""Share of the time after which it begins in any case."""
PLOTS, PLOTS_A_PART = 1600, 400


def train_tower(
    folder: Path, network: Any, probes: Probes, minutes: float, device: str, workers: int
) -> None:
    """The tower with its auxiliary lessons."""
    state = State(folder / "tower.pt", network, probes, Optimizers(network, probes, RATE, joint=False))
    pool = plots.Pool.load(folder / "plots")
    feed = Feed(lambda rng, _: tower.batch(rng, TOWER_PICTURES, pool), workers)

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        seen = pictures.to_tensors(arrays, device)
        vision = see(network.model.visual, seen)
        loss, right = tower.losses(probes, vision, seen)
        (loss + tower.scale_penalty(vision)).backward()
        for name, value in right.items():
            scores.add(name, value.item())
        return loss.item()

    run_phase("tower", state, minutes, feed, learn, lambda _: None)
    feed.close()


def train_joint(
    folder: Path, network: Any, probes: Probes, minutes: float, device: str, workers: int
) -> None:
    """Everything together, from easy samples to hard ones."""
    state = State(folder / "joint.pt", network, probes, Optimizers(network, probes, RATE, joint=True))
    pool = plots.Pool.load(folder / "plots")
    packer = packing.Packer(tokens.Encoder(tokens.load(folder / "tokenizer")))
    feed = Feed(
        lambda rng, level: packing.batch(rng, packer, SEQUENCES, packing.LEVELS[level], pool),
        workers,
        state.level,
    )

    def learn(arrays: Any, share: float, scores: Scores) -> float:
        result = joint.step(network, probes, joint.to_batch(arrays, device), 0.5 * max(0.15, 1 - share))
        result.loss.backward()
        for kind, rights in result.right.items():
            for right in rights:
                scores.add(kind, right)
        for name, value in result.seen.items():
            scores.add(f"sees {name}", value.item())
        return result.answers.item()

    def grade(scores: Scores) -> None:
        marks = [scores.mean("shapes.colour"), scores.mean("shapes.caption")]
        passed = all(mark is not None and mark > ENOUGH for mark in marks)
        if state.level == len(packing.LEVELS) - 1:
            return
        if passed or state.seconds > minutes * 60 * OVERDUE[state.level]:
            state.level += 1
            feed.level.value = state.level
            scores.clear()

    run_phase("joint", state, minutes, feed, learn, grade)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--all", action="store_true", help="every phase, then export to engine/demo/checkpoint"
    )
    parser.add_argument("--phase", choices=("prepare", "tower", "joint"))
    parser.add_argument(
        "--run", type=Path, default=Path("runs/demo"), help="folder for everything that training writes"
    )
    parser.add_argument("--minutes", type=float, help="length of the phase (default: tower 30, joint 90)")
    parser.add_argument("--grow-from", type=Path, help="checkpoint to begin from instead of random weights")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    phases = ("tower", "joint") if options.all else (options.phase,)
    prepare(options.run)
    tokenizer = tokens.load(options.run / "tokenizer")
    network, probes = model.build(len(tokenizer)), Probes()
    if options.grow_from:
        log.info("left as they were: %s", grow.grow(network, tokenizer, options.grow_from))
    network.to(options.device), probes.to(options.device)
    if "tower" in phases:
        train_tower(options.run, network, probes, options.minutes or 30, options.device, options.workers)
    if "joint" in phases:
        if (options.run / "tower.pt").exists():
            load_weights(options.run / "tower.pt", network, probes, "model.visual.")
        train_joint(options.run, network, probes, options.minutes or 90, options.device, options.workers)
    if options.all:
        export.export(network.state_dict(), tokenizer, tokens.CHECKPOINT)


if __name__ == "__main__":
    main()
