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

import torch
from tqdm import tqdm

from engine.demo import crew as crews
from engine.demo import export, grow, model, tokens
from engine.demo.crew import Crew
from engine.demo.data import plots
from engine.demo.model import Probes
from engine.demo.phases import Course, joint_phase, tower_phase
from engine.demo.state import load_weights

log = logging.getLogger("engine.demo.train")

RATE, FURTHER_RATE = 1.2e-3, 0.6e-3
"""Learning rates from nothing, and for a further round with trained weights."""
TOWER_MINUTES, JOINT_MINUTES = 30, 90
PLOTS, PLOTS_A_PART = 1600, 400


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
    rate = options.rate or (FURTHER_RATE if options.further else RATE)
    trained = bool(options.further or options.grow_from)
    course = Course(
        crew, options.run, network, probes, options.device, options.workers, rate=rate, trained=trained
    )
    if options.phase in (None, "tower"):
        tower_phase(course, options.minutes or TOWER_MINUTES)
    if options.phase in (None, "joint"):
        if (options.run / "tower.pt").exists():
            load_weights(options.run / "tower.pt", network, probes, "model.visual.")
        joint_phase(course, options.minutes or JOINT_MINUTES)
    if options.phase is None and crew.leads:
        export.export(export.read_state(options.run / "joint.pt"), tokenizer, tokens.CHECKPOINT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--phase", choices=("prepare", "tower", "joint"), help="only this phase, without export"
    )
    parser.add_argument(
        "--run", type=Path, default=Path("runs/demo"), help="folder for everything that training writes"
    )
    parser.add_argument("--minutes", type=float, help="length of the phase (default: tower 30, joint 90)")
    parser.add_argument("--rate", type=float, help="highest learning rate")
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
