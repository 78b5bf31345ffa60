"""When requests are sent: as soon as the one before has its answer (closed loop), or on a schedule
that does not wait for answers (open loop), as real users do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path


def poisson(rate: float, seconds: float, seed: int = 1) -> Iterator[float]:
    """Seconds at which requests are due: `rate` a second on average, at random."""
    chance = random.Random(seed)
    due = chance.expovariate(rate)
    while due < seconds:
        yield due
        due += chance.expovariate(rate)


def ramp(start: float, stop: float, seconds: float, seed: int = 1) -> Iterator[float]:
    """Like `poisson`, while the rate goes evenly from `start` to `stop`."""
    chance = random.Random(seed)
    highest = max(start, stop)
    for due in poisson(highest, seconds, seed):
        if chance.random() < (start + (stop - start) * due / seconds) / highest:
            yield due


def trace(path: Path, speed: float = 1.0) -> Iterator[float]:
    """The times of a file, one number of seconds a line, `speed` times as fast.

    Raises `ValueError` with the line that holds no number.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield float(line) / speed
        except ValueError:
            raise ValueError(f"{path}, line {number}: {line!r} is no number of seconds") from None


def parse(text: str, seconds: float) -> Iterator[float]:
    """`20` (a second), `5-50` (a ramp), or `@times.txt` (a trace). Raises `ValueError`."""
    if text.startswith("@"):
        return itertools.takewhile(lambda due: due < seconds, trace(Path(text[1:])))
    start, dash, stop = text.partition("-")
    rates = (float(start), float(stop)) if dash else (float(start),) * 2
    if min(rates) < 0 or max(rates) <= 0:
        raise ValueError(f"{text} is no rate")
    return ramp(*rates, seconds) if dash else poisson(rates[0], seconds)
