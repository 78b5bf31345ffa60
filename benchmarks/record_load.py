"""Records a load from a real gateway: what came, what waited, what was refused, second by second.

    python -m benchmarks.record_load [--seconds 900]

Starts `qwen-vl serve` on a scripted engine of 16 slots, sends it a working day in so many seconds with
`qwen-vl bench` (open loop, over HTTP), and reads its `/metrics` every second, as Prometheus would. The
file it writes, `benchmarks/recorded/day.csv`, is what `benchmarks.autoscale` replays.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import end, launch, wait_until_ready

RECORDED = Path(__file__).parent / "recorded" / "day.csv"
CONFIG = """
models:
  m:
    engine: {kind: scripted, answer: "ANSWER", first_token_delay_ms: 200, token_delay_ms: 60, max_running: 16}
cache: {url: none}
state: {url: none}
safety: {classify_images: false}
""".replace("ANSWER", "word " * 72)
ANSWER_S = 0.2 + 32 * 0.06
"""What one of the load's requests takes: it asks for 32 tokens."""
DAY = (0.1, 0.1, 0.15, 0.3, 0.6, 1.0, 1.2, 1.2, 1.1, 0.7, 0.9, 1.0, 1.0, 1.0, 0.9, 0.7, 0.6, 0.5, 0.3, 0.1)
"""Load by the hour, in parts of the usual, from four in the morning to midnight."""
BURST = (0.56, 0.60)
"""Part of the day with three times the usual."""
USUAL = 1.6
"""The usual load, in what one gateway can do: more than it can, so that it has to be helped."""
COLUMNS = {
    "finished": "gateway_requests_total",
    "refused": "gateway_refused_total",
    "inflight": "gateway_inflight",
    "queue": "gateway_queue_depth",
    "slots": "gateway_engine_slots",
}


def arrivals(seconds: float) -> list[float]:
    """When requests are sent: at random, at the rate of the day's hour."""
    rng = random.Random(1)
    highest = 3 * max(DAY) * USUAL * 16 / ANSWER_S
    due, out = 0.0, []
    while (due := due + rng.expovariate(highest)) < seconds:
        place = due / seconds
        hour, part = divmod(place * (len(DAY) - 1), 1)
        level = DAY[int(hour)] * (1 - part) + DAY[int(hour) + 1] * part
        level *= 3 if BURST[0] <= place < BURST[1] else 1
        if rng.random() < level * USUAL * 16 / ANSWER_S / highest:
            out.append(due)
    return out


def figures(text: str) -> dict[str, float]:
    """The columns' figures, all labels of each added up."""
    found = dict.fromkeys(COLUMNS.values(), 0.0)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in found:
                found[sample.name] += sample.value
    return {column: found[name] for column, name in COLUMNS.items()}


async def watch(url: str, seconds: float) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    began = time.monotonic()
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        while (now := time.monotonic() - began) < seconds:
            rows.append({"second": round(now, 2), **figures((await client.get("/metrics")).text)})
            await asyncio.sleep(max(0.0, began + len(rows) - time.monotonic()))
    return rows


async def record(url: str, seconds: float, folder: Path) -> list[dict[str, float]]:
    times = folder / "times.txt"
    times.write_text("\n".join(f"{due:.3f}" for due in arrivals(seconds)))
    words = ("bench", "stream", "--base-url", url, "--model", "m", "--rate", f"@{times}")
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.cli", *words, "--seconds", str(seconds))
    )
    rows = await watch(url, seconds + 15)
    await bench.wait()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=900)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "gateway.yaml").write_text(CONFIG)
        process = launch(folder / "serve.log", "--config", str(folder / "gateway.yaml"))
        try:
            server = wait_until_ready(process, folder / "serve.log")
            rows = asyncio.run(record(server.url, seconds, folder))
        finally:
            end(process)
    RECORDED.parent.mkdir(exist_ok=True)
    with RECORDED.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["second", *COLUMNS], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} seconds in {RECORDED}")


if __name__ == "__main__":
    main()
