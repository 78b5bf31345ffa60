"""Rounds: each workload is asked of every system in turn, again and again, so that what else the machine
does strikes all alike; medians over the rounds are compared."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.peers.systems import MODEL, Running
from engine.http.origin import Origin
from gateway.load.driver import Driver, Workload
from gateway.load.report import figures
from gateway.load.workloads import WORKLOADS

_WARM_UP = 4
_FAR = 100_000
"""Between the numbers of the questions of two plans: no answer of one may be in a cache for the other."""


class Plan(msgspec.Struct, frozen=True):
    """How one workload is measured."""

    workload: str
    requests: int
    """In each round."""
    concurrency: int = 16
    rounds: int = 5
    without: tuple[str, ...] = ()
    """Names of the systems that cannot do it."""

    @property
    def title(self) -> str:
        return f"{self.workload}, {self.concurrency} in flight"


async def measure(plans: Sequence[Plan], running: Sequence[Running]) -> dict[str, dict[str, dict[str, Any]]]:
    """Figures by plan and system: each the median of its rounds."""
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for place, plan in enumerate(plans):
        chosen = [one for one in running if one.system.name not in plan.without]
        work = WORKLOADS[plan.workload][1](MODEL, plan.rounds * plan.requests + _WARM_UP)
        found: dict[str, list[dict[str, Any]]] = {one.system.name: [] for one in chosen}
        begin = place * _FAR
        for one in chosen:
            await _round(one, work, plan, begin, requests=_WARM_UP)
        for number in range(plan.rounds):
            turn = number % len(chosen)
            for one in [*chosen[turn:], *chosen[:turn]]:
                first = begin + number * plan.requests + _WARM_UP
                found[one.system.name].append(await _round(one, work, plan, first, plan.requests))
            print(f"{plan.title}: round {number + 1} of {plan.rounds}", file=sys.stderr, flush=True)
        results[plan.title] = {name: median(rounds) for name, rounds in found.items()}
    return results


async def _round(one: Running, work: Workload, plan: Plan, first: int, requests: int) -> dict[str, Any]:
    driver = Driver(Origin.of(one.system.url, one.system.key), work)
    before = one.cpu_s()
    took = await driver.closed(plan.concurrency, requests, first)
    driver.close()
    spent = one.cpu_s() - before
    own = {"cpu_ms": 1000 * spent / requests, "memory_mb": one.memory_mb()[1], "lag_ms": await one.lag_ms()}
    return msgspec.to_builtins(figures(driver.samples, took)) | own


def median(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Of each figure; `each` keeps the rounds' requests a second, to show how far they lie apart."""
    middle = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    return middle | {"each": [one["requests_per_s"] for one in rounds]}
