"""Measure the gateway beside its peers.

make bench                                     # every group, about half an hour on two cores
python -m benchmarks.peers --groups stub cache # some; the others' last figures stay
python -m benchmarks.peers --rounds 3 --share 0.3
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil

from benchmarks.peers import report
from benchmarks.peers.groups import GROUPS, Group
from benchmarks.peers.rounds import Plan, measure
from benchmarks.peers.systems import Files


async def run(group: Group, rounds: int, share: float) -> report.Measured:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with group.start(Files(Path(folder))) as running:
            plans = await measure(_scaled(group.plans, rounds, share), running)
            memory = {one.system.name: one.memory_mb() for one in running}
    machine = (
        f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}; medians of {rounds} interleaved rounds"
    )
    return report.Measured(
        group.meaning, group.base, machine, datetime.now(UTC).date().isoformat(), plans, memory
    )


def _scaled(plans: Sequence[Plan], rounds: int, share: float) -> list[Plan]:
    def scaled(plan: Plan) -> Plan:
        requests = max(plan.concurrency, round(plan.requests * share))
        return msgspec.structs.replace(plan, rounds=rounds, requests=requests)

    return [scaled(plan) for plan in plans]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--groups", nargs="+", choices=list(GROUPS), default=list(GROUPS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=1.0, help="part of the requests of each round")
    return parser.parse_args()


async def main() -> None:
    asked = read_arguments()
    for name in asked.groups:
        measured = await run(GROUPS[name], asked.rounds, asked.share)
        results = report.read() | {name: measured}
        report.write({known: results[known] for known in GROUPS if known in results})
        print(report.section(measured))


if __name__ == "__main__":
    asyncio.run(main())
