"""What users see while four times more is asked than the engine can do.

    python -m benchmarks.overload [--config gateway.yaml] [--seconds 60] [--times 4]

Requests come open-loop (on their own schedule, whatever the answers take) from two tenants in three
lanes, straight into the gateway's own pipeline: admission, lanes, fallback and all, without HTTP.
Without a configuration a scripted engine with pauses stands in for a model; it has 16 slots, and the
smaller model 32. Writes `benchmarks/results/overload.{json,png}`, one run with and one without fallback.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
from prometheus_client import CollectorRegistry

from benchmarks.overload_report import plot, table
from engine.errors import EngineError
from engine.types import ChatRequest, Message, Sampling
from gateway.app import create_app
from gateway.call import Call, Lane
from gateway.errors import OVERLOADED, GatewayError
from gateway.principal import Principal
from gateway.settings import ModelSettings, Settings, load_settings
from gateway.stages.base import Handler

RESULTS = Path(__file__).parent / "results"
STAND_IN: dict[str, Any] = {
    "models": {
        "large": {
            "engine": {
                "kind": "scripted",
                "answer": "word " * 72,
                "first_token_delay_ms": 150,
                "token_delay_ms": 15,
                "max_running": 16,
            },
            "fallback": "small",
        },
        "small": {
            "engine": {
                "kind": "scripted",
                "answer": "word " * 72,
                "first_token_delay_ms": 80,
                "token_delay_ms": 8,
                "max_running": 32,
            },
        },
    }
}


class Source(msgspec.Struct, frozen=True):
    """One tenant's requests in one lane."""

    lane: Lane
    tenant: str
    share: float
    """Part of all requests."""
    tokens: int
    """Length of an answer on average; single ones differ by up to half, as real ones do."""

    @property
    def name(self) -> str:
        return f"{self.lane} · {self.tenant}"


SOURCES = (
    Source("batch", "flood", 0.80, 48),
    Source("batch", "quiet", 0.02, 48),
    Source("video", "flood", 0.09, 32),
    Source("interactive", "flood", 0.07, 16),
    Source("interactive", "quiet", 0.02, 16),
)


class Outcome(msgspec.Struct, frozen=True):
    source: str
    kind: str
    """`answered`, `degraded`, `refused` (503 with code 2001), or what should never be."""
    at_s: float
    first_s: float
    total_s: float


class Bench:
    """Asks one gateway."""

    def __init__(self, handler: Handler, settings: Settings, longer: float) -> None:
        self._handler = handler
        self._longer = longer
        self._settings = settings
        self._numbers = itertools.count()
        self.outcomes: list[Outcome] = []

    async def ask(self, source: Source, began: float) -> None:
        call, asked = self._call(source), time.monotonic()
        first = 0.0
        try:
            async with asyncio.timeout_at(call.deadline):
                async with aclosing(await self._handler(call)) as events:
                    async for _ in events:
                        first = first or time.monotonic() - asked
            kind = "degraded" if call.notes.degraded else "answered"
        except GatewayError as error:
            kind = "refused" if error.code is OVERLOADED and error.retry_after else error.code.name
        except (TimeoutError, EngineError) as error:
            kind = type(error).__name__
        total = time.monotonic() - asked
        self.outcomes.append(Outcome(source.name, kind, asked - began, first, total))

    def _call(self, source: Source) -> Call:
        number = next(self._numbers)
        chat = ChatRequest(
            id=f"bench-{number}",
            model=self._settings.default_model,
            messages=(Message(role="user", content=f"Question {number}"),),
            sampling=Sampling(max_tokens=self._length(source), temperature=0.8, ignore_eos=True),
            stream=True,
        )
        server = self._settings.server
        quick = source.lane == "interactive"
        allowed = server.request_timeout_s if quick else server.long_request_timeout_s
        return Call(
            request_id=chat.id,
            chat=chat,
            wire="openai",
            lane=source.lane,
            principal=Principal("key", f"key_{source.tenant}", source.tenant),
            deadline=time.monotonic() + allowed,
        )

    def _length(self, source: Source) -> int:
        return round(source.tokens * self._longer * random.uniform(0.5, 1.5))

    async def capacity(self, seconds: float) -> float:
        """Requests a second of this mix that the engine can do, with all its slots busy."""
        sources = mix()
        until = time.monotonic() + seconds
        done = 0

        async def keep_asking() -> None:
            nonlocal done
            while time.monotonic() < until:
                await self.ask(next(sources), 0)
                done += self.outcomes.pop().kind == "answered"

        slots = self._settings.models[self._settings.default_model].engine.slots
        began = time.monotonic()
        await asyncio.gather(*(keep_asking() for _ in range(slots)))
        return done / (time.monotonic() - began)

    async def offer(
        self, sources: Iterator[Source], rate: float, seconds: float, memory: list[float] | None = None
    ) -> list[Outcome]:
        """`rate` requests a second, at random times; returns when the last has ended."""
        self.outcomes = []
        process = psutil.Process()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            due, second = began, 0
            while due < began + seconds:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self.ask(next(sources), began))
                due += random.expovariate(rate)
                if memory is not None and due - began > second:
                    second += 1
                    memory.append(process.memory_info().rss / 1e6)
        return self.outcomes


def mix(sources: tuple[Source, ...] = SOURCES, *, evenly: bool = False) -> Iterator[Source]:
    weights = [1.0 if evenly else source.share for source in sources]
    while True:
        yield from random.choices(sources, weights, k=1000)


def percentile(values: list[float], share: float) -> int:
    """0 where there is nothing."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else 0


def summary(outcomes: list[Outcome]) -> dict[str, Any]:
    """Per source: how its requests ended, and percentiles of those that were answered, in ms."""
    out = {}
    for source in SOURCES:
        own = [outcome for outcome in outcomes if outcome.source == source.name]
        done = [outcome for outcome in own if outcome.kind in ("answered", "degraded")]
        first, total = [o.first_s * 1000 for o in done], [o.total_s * 1000 for o in done]
        refused = [o.total_s * 1000 for o in own if o.kind == "refused"]
        out[source.name] = {
            **Counter(outcome.kind for outcome in own),
            "first_p50": percentile(first, 0.5),
            "first_p99": percentile(first, 0.99),
            "total_p50": percentile(total, 0.5),
            "total_p99": percentile(total, 0.99),
            "refused_after_p99": percentile(refused, 0.99),
        }
    return out


@asynccontextmanager
async def gateway(settings: Settings, longer: float) -> Any:
    app = create_app(settings, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        while not app.state.gateway.ready:  # noqa: ASYNC110 - the engine sets no event
            await asyncio.sleep(0.1)
        yield Bench(app.state.gateway.handler, settings, longer)


async def measure(settings: Settings, asked: argparse.Namespace, capacity: float) -> dict[str, Any]:
    memory: list[float] = []
    seconds, times = asked.seconds, asked.times
    async with gateway(settings, asked.longer) as bench:
        capacity = capacity or await bench.capacity(10)
        unloaded = await bench.offer(mix(evenly=True), capacity * 0.15, 25)
        loaded = await bench.offer(mix(), capacity * times, seconds, memory)
    return {
        "capacity_per_s": round(capacity, 1),
        "offered_per_s": round(capacity * times, 1),
        "unloaded": summary(unloaded),
        "loaded": summary(loaded),
        "endings": Counter(outcome.kind for outcome in loaded),
        "memory_mb": [round(value, 1) for value in memory],
        "per_second": _per_second(loaded, seconds),
    }


def _per_second(outcomes: list[Outcome], seconds: float) -> dict[str, list[int]]:
    counts = {kind: [0] * (int(seconds) + 1) for kind in ("answered", "degraded", "refused")}
    for outcome in outcomes:
        if outcome.kind in counts:
            counts[outcome.kind][min(int(seconds), int(outcome.at_s))] += 1
    return counts


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, help="a gateway with engines of its own, fallback included")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=4, help="offered load as a multiple of the capacity")
    parser.add_argument("--longer", type=float, default=1, help="length of answers, times 16 to 48 tokens")
    parser.add_argument("--name", default="overload", help="name of the results")
    return parser.parse_args()


def _ways(settings: Settings, model: ModelSettings) -> Iterator[tuple[str, Settings]]:
    alone = model.model_copy(update={"fallback": None})
    models = settings.models | {settings.default_model: alone}
    yield "without fallback", settings.model_copy(update={"models": models})
    if model.fallback:
        yield "with fallback", settings


async def main() -> None:
    arguments = read_arguments()
    random.seed(1)
    settings = load_settings(arguments.config) if arguments.config else load_settings(flags=STAND_IN)
    model = settings.models[settings.default_model]
    kind = "scripted engine as a stand-in for a model" if not arguments.config else str(model.engine.kind)
    engine = f"{kind}, {arguments.seconds:.0f} s"
    runs: dict[str, Any] = {}
    capacity = 0.0
    for title, chosen in _ways(settings, model):
        runs[title] = await measure(chosen, arguments, capacity)
        capacity = runs[title]["capacity_per_s"]
    print(table(runs))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{arguments.name}.json").write_text(
        json.dumps({"engine": engine, "runs": runs}, indent=1) + "\n"
    )
    plot(runs, engine, RESULTS / f"{arguments.name}.png")


if __name__ == "__main__":
    asyncio.run(main())
