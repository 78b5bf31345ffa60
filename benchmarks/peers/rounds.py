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
_FAR = 1_000_000
"""Numbers of the questions that warm up, away from those that count."""


class Plan(msgspec.Struct, frozen=True):
    """How one workload is measured."""

    workload: str
    requests: int
    """In each round."""
    concurrency: int = 16
    rounds: int = 5
    only: tuple[str, ...] = ()
    """Names of the systems that can do it; empty for all."""

    @property
    def title(self) -> str:
        return f"{self.workload}, {self.concurrency} in flight"


async def measure(plans: Sequence[Plan], running: Sequence[Running]) -> dict[str, dict[str, dict[str, Any]]]:
    """Figures by plan and system: each the median of its rounds."""
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for plan in plans:
        chosen = [one for one in running if not plan.only or one.system.name in plan.only]
        work = WORKLOADS[plan.workload][1](MODEL, plan.rounds * plan.requests + _WARM_UP)
        found: dict[str, list[dict[str, Any]]] = {one.system.name: [] for one in chosen}
        for one in chosen:
            await _round(one, work, plan, first=_FAR, requests=_WARM_UP)
        for number in range(plan.rounds):
            turn = number % len(chosen)
            for one in [*chosen[turn:], *chosen[:turn]]:
                first = number * plan.requests + _WARM_UP
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
    return msgspec.to_builtins(figures(driver.samples, took)) | {"cpu_ms": 1000 * spent / requests}


def median(rounds: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Of each figure; `each` keeps the rounds' requests a second, to show how far they lie apart."""
    middle = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    return middle | {"each": [one["requests_per_s"] for one in rounds]}
