"""What authentication, limits, metering and audit add to a request, all together.

    python benchmarks/accounts_cost.py [--requests 2000] [--rounds 5] [--record]

Asks a gateway on the scripted engine in this process, without HTTP, on the event loop of the server:
one with keys, a tier with every limit, a tenant with quotas, usage and an audit file, against one with
none of it. Both in turn, round by round; each figure is the least of all rounds, since a busy machine
only ever adds. Prints one JSON object: milliseconds of a request by the clock and of this process's CPU,
alone and 16 at a time. `--record` keeps it in `benchmarks/results/accounts_cost.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.accounts.store import KeyStore
from gateway.app import create_app
from gateway.settings import Settings

_MODEL = "qwen3-vl-30b"
_TIER = {
    "requests_per_minute": 100_000_000,
    "tokens_per_minute": 100_000_000_000,
    "concurrency": 1000,
    "monthly_tokens": 1_000_000_000_000,
    "monthly_cost": 1_000_000,
}
_TENANT = {"monthly_tokens": 1_000_000_000_000, "monthly_cost": 1_000_000}
_RESULT = Path(__file__).parent / "results" / "accounts_cost.json"
_BODY = json.dumps(
    {"messages": [{"role": "user", "content": "How are you today? " * 8}], "max_tokens": 64}
).encode()


@asynccontextmanager
async def gateway(
    folder: Path, *, accounts: bool
) -> AsyncIterator[tuple[ASGIApp, list[tuple[bytes, bytes]]]]:
    """An application, and the headers to ask it with."""
    settings: dict[str, Any] = {
        "server": {"data_dir": folder},
        "cache": {"url": "none"},
        "safety": {"classify_images": False},
        "state": {"url": "embedded" if accounts else "none"},
        "usage": {"enabled": accounts},
        "audit": {"sink": "file" if accounts else "none"},
        "accounts": {
            "tiers": {"test": {}, "all": _TIER},
            "tenant_quota": _TENANT if accounts else {},
            "prices": {_MODEL: {"input": 0.2, "output": 0.8}},
        },
    }
    engine = ScriptedEngine(_MODEL, ScriptedConfig(kind="scripted", answer="Fine, thank you."))
    app = create_app(Settings(**settings), engine=engine, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        running = app.state.gateway
        while not running.ready:  # noqa: ASYNC110
            await asyncio.sleep(0)
        headers = [(b"content-type", b"application/json")]
        if accounts:
            _, secret = await KeyStore(running.services.state.redis).create(tenant="acme", tier="all")
            headers.append((b"authorization", f"Bearer {secret}".encode()))
        yield app, headers


async def ask(app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> None:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": _BODY, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message

    path = "/v1/chat/completions"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)


async def measure(
    app: ASGIApp, headers: list[tuple[bytes, bytes]], requests: int, at_once: int
) -> tuple[float, float]:
    """Milliseconds of one request, by the clock and of the CPU."""
    left = iter(range(requests))

    async def work() -> None:
        for _ in left:
            await ask(app, headers)

    clock, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return (time.perf_counter() - clock) / requests * 1000, (time.process_time() - cpu) / requests * 1000


async def run(requests: int, rounds: int, folder: Path) -> dict[str, Any]:
    least: dict[str, list[float]] = {}
    async with (
        gateway(folder / "bare", accounts=False) as bare,
        gateway(folder / "full", accounts=True) as full,
    ):
        for number in range(rounds + 1):
            for at_once in (1, 16):
                for name, one in (("bare", bare), ("full", full)):
                    found = await measure(*one, requests if number else 50, at_once)
                    if number:  # the first round warms up
                        best = least.setdefault(f"{name} {at_once}", list(found))
                        best[:] = map(min, best, found)
    report: dict[str, Any] = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "requests": requests,
        "rounds": rounds,
    }
    for at_once in (1, 16):
        for index, what in enumerate(("clock_ms", "cpu_ms")):
            without, with_all = least[f"bare {at_once}"][index], least[f"full {at_once}"][index]
            report[f"{what}_{at_once}_at_a_time"] = {
                "without": round(without, 3),
                "with": round(with_all, 3),
                "added": round(with_all - without, 3),
            }
    return report


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="keep the figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = json.dumps(uvloop.run(run(given.requests, given.rounds, Path(folder))), indent=1)
    print(report)
    if given.record:
        _RESULT.write_text(report + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
