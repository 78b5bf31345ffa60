"""The training loop: batches from processes of their own, steps, reports, and a saved state."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

import torch
import torch.multiprocessing as multiprocessing
from tqdm import tqdm

from engine.demo.crew import Crew
from engine.demo.state import State

log = logging.getLogger(__name__)

WARM_UP = 40
"""Steps."""
STEADY = 0.35
"""Share of the time at the full learning rate; then it falls in a line, which accuracy comes from."""
SAVE_EVERY = 120.0
"""Seconds."""
REPORT_EVERY = 25
"""Steps."""


def factor(step: int, share: float) -> float:
    """Learning rate, relative to its peak, after `share` of the time."""
    fall = (1 - share) / (1 - STEADY) if share > STEADY else 1.0
    return min(1.0, (step + 1) / WARM_UP) * max(0.02, fall)


def _produce(queue: Any, make: Callable[[Random, int], Any], seed: int, level: Any) -> None:
    torch.set_num_threads(1)
    rng = Random(seed)
    while True:
        queue.put(make(rng, level.value))


class Feed:
    """Batches from processes of their own."""

    def __init__(self, make: Callable[[Random, int], Any], workers: int, level: int = 0) -> None:
        context = multiprocessing.get_context("fork")
        self._queue = context.Queue(4)
        self.level = context.Value("i", level)
        seed = time.time_ns()
        self._workers = [
            context.Process(target=_produce, args=(self._queue, make, seed + number, self.level), daemon=True)
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def next(self) -> Any:
        return self._queue.get()

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()


class Scores:
    """Running shares of right answers by name, over the last `window` of each."""

    def __init__(self, window: int = 200) -> None:
        self._window = window
        self._last: dict[str, deque[float]] = {}

    def add(self, name: str, value: float) -> None:
        self._last.setdefault(name, deque(maxlen=self._window)).append(value)

    def mean(self, name: str) -> float | None:
        values = self._last.get(name, ())
        return sum(values) / len(values) if len(values) >= self._window // 2 else None

    def clear(self) -> None:
        self._last.clear()

    def __str__(self) -> str:
        return " ".join(f"{name} {sum(v) / len(v):.2f}" for name, v in sorted(self._last.items()))


def run_phase(
    name: str,
    crew: Crew,
    state: State,
    minutes: float,
    feed: Feed,
    learn: Callable[[Any, float, Scores], float],
    grade: Callable[[Scores], None],
) -> None:
    """Steps until the phase has had its minutes; the leader saves and reports on the way.

    Minutes are those of the leader's processor, so that other work beside does not cut training short.
    """
    crew.join()
    scores, limit = Scores(), minutes * 60
    bar = tqdm(
        total=int(limit), initial=int(state.seconds), desc=name, mininterval=10, disable=not crew.leads
    )
    saved, before = time.monotonic(), time.process_time()
    while True:
        state.seconds, level = crew.agree([state.seconds, state.level])
        state.level = feed.level.value = int(level)
        if state.seconds >= limit:
            break
        share = state.seconds / limit
        loss = learn(feed.next(), share, scores)
        crew.average(state.optimizers.parameters)
        state.optimizers.step(factor(state.step, share))
        state.remember()
        now = time.process_time()
        state.seconds, before = state.seconds + now - before, now
        bar.update(int(state.seconds) - bar.n)
        if state.step % REPORT_EVERY == 0:
            crew.align(state.optimizers.parameters)
            if crew.leads:
                minute = state.seconds / 60
                log.info(
                    "%s step %d, %.1f min, level %d, loss %.3f: %s",
                    name,
                    state.step,
                    minute,
                    level,
                    loss,
                    scores,
                )
                grade(scores)
        if crew.leads and time.monotonic() - saved > SAVE_EVERY:
            state.save()
            saved = time.monotonic()
    bar.close()
    if crew.leads:
        state.save()
    crew.agree([0.0])  # nobody goes on before the state is on disk
