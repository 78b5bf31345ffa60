"""Answers a second of a batch through the gateway, against the engine's own offline throughput.

    python -m benchmarks.batch_throughput [--lines 512] [--rounds 3] [--tokens 128] [--side 448]

Both sides load the same checkpoint with the same settings, each in a process of its own, and take turns: a
round is `vllm.LLM.chat` over all requests, and then the same requests as a batch of the OpenAI SDK
(`/v1/files`, `/v1/batches`) from the upload to the last answer. Each round has pictures of its own, which no
cache knows; the content classifier and the answer cache are off, since the engine has neither, and the lanes
are at their defaults. At the end somebody asks by hand at random times, first alone and then beside a batch.
What they wait for then may be the end of one answer of the batch, since nobody is interrupted: the bound of
their p99 is the p99 alone and the time of such an answer.
Writes `benchmarks/results/batch-throughput.json`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import yaml

from engine.config import DEMO_CHECKPOINT
from gateway.load.pictures import jpeg
from tests.servers import serving

RESULTS = Path(__file__).parent / "results" / "batch-throughput.json"
MODEL = "m"
QUESTION = "What is in the picture?"
SEQUENCES = 32
STEP_TOKENS = 2048
"""The most tokens in one step of the engine; vLLM's own default differs between its server and offline."""
ENGINE = {"kind": "vllm", "max_num_seqs": SEQUENCES, "args": {"max-num-batched-tokens": STEP_TOKENS}}
CONFIG = {
    "models": {MODEL: {"engine": ENGINE}},
    "cache": {"url": "none"},
    "safety": {"classify_images": False},
    "audit": {"sink": "none"},
}
ASKED_A_SECOND = 2.0


def messages(seed: int, side: int) -> list[dict[str, Any]]:
    picture = {"type": "image_url", "image_url": {"url": jpeg(side, side, seed)}}
    return [{"role": "user", "content": [picture, {"type": "text", "text": QUESTION}]}]


def offline(pipe: Connection, tokens: int) -> None:
    """The engine alone: takes lists of conversations, gives back the seconds and how many tokens came."""
    os.environ |= {"VLLM_NO_USAGE_STATS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"}
    from engine import torchvision_cpu

    torchvision_cpu.install()
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=str(DEMO_CHECKPOINT),
        max_num_seqs=SEQUENCES,
        max_num_batched_tokens=STEP_TOKENS,
        limit_mm_per_prompt={"image": 32, "video": 1},
        scheduling_policy="priority",
        generation_config="vllm",
        enforce_eager=True,
    )
    params = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)
    pipe.send("ready")
    while True:
        conversations = pipe.recv()
        began = time.monotonic()
        outputs = llm.chat(conversations, params, use_tqdm=False)
        pipe.send((time.monotonic() - began, sum(len(one.outputs[0].token_ids) for one in outputs)))


@contextmanager
def engine_alone(tokens: int) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=offline, args=(theirs, tokens))
    process.start()
    try:
        assert ours.recv() == "ready"
        yield ours
    finally:
        for one in (*psutil.Process(process.pid).children(recursive=True), process):
            one.kill()


def batch(client: openai.OpenAI, conversations: list[Any], tokens: int) -> tuple[float, int]:
    """Seconds from the upload to the last answer, and how many tokens came."""
    lines = [
        {
            "custom_id": str(number),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": MODEL,
                "messages": conversation,
                "max_tokens": tokens,
                "temperature": 0,
                "ignore_eos": True,
            },
        }
        for number, conversation in enumerate(conversations)
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    began = time.monotonic()
    file = client.files.create(file=("requests.jsonl", data), purpose="batch")
    order = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    pause = threading.Event()
    while order.status not in ("completed", "failed"):
        pause.wait(0.1)
        order = client.batches.retrieve(order.id)
    took = time.monotonic() - began
    assert order.output_file_id, order
    answers = [json.loads(line) for line in client.files.content(order.output_file_id).text.splitlines()]
    assert len(answers) == len(conversations), order.request_counts
    return took, sum(answer["response"]["body"]["usage"]["completion_tokens"] for answer in answers)


def by_hand(url: str, seconds: float, stop: threading.Event, side: int) -> list[float]:
    """Seconds that single interactive questions took, asked at random times."""
    took: list[float] = []
    dice = random.Random(7)

    def ask(seed: int) -> None:
        body = {"model": MODEL, "messages": messages(seed, side), "max_tokens": 16, "temperature": 0}
        began = time.monotonic()
        httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60).raise_for_status()
        took.append(time.monotonic() - began)

    until = time.monotonic() + seconds
    with ThreadPoolExecutor(32) as threads:
        while time.monotonic() < until and not stop.wait(dice.expovariate(ASKED_A_SECOND)):
            threads.submit(ask, dice.randrange(10**9))
    return took


def p(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(lines: int, rounds: int, tokens: int, side: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "machine": machine(), "lines": lines, "tokens": tokens, "side": side, "slots": SEQUENCES
    }  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        engine_alone(tokens) as alone,
        serving(Path(folder), yaml.safe_dump(CONFIG)) as server,
    ):
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", timeout=600)
        took = [one_round(number, lines, tokens, side, alone, client) for number in range(rounds + 1)]
        return found | {
            "rounds": took[1:],
            "ratio": round(statistics.median(one["ratio"] for one in took[1:]), 3),
            "interactive": interactive(server.url, client, lines, tokens, side),
        }


def one_round(
    number: int, lines: int, tokens: int, side: int, alone: Connection, client: openai.OpenAI
) -> dict[str, float]:
    """Who goes first changes from round to round. The very first only warms up."""
    conversations = [messages(number * 10_000 + line, side) for line in range(lines)]
    took: dict[str, float] = {}
    for who in ("engine", "gateway") if number % 2 else ("gateway", "engine"):
        if who == "engine":
            alone.send(conversations)
            seconds, came = alone.recv()
        else:
            seconds, came = batch(client, conversations, tokens)
        assert came == lines * tokens, (who, came)
        took[who] = seconds
    ratio = took["engine"] / took["gateway"]
    print(
        f"round {number}: engine {took['engine']:.2f} s, gateway {took['gateway']:.2f} s, ratio {ratio:.3f}",
        flush=True,
    )
    return {f"{who}_s": round(seconds, 3) for who, seconds in took.items()} | {"ratio": round(ratio, 3)}


def interactive(url: str, client: openai.OpenAI, lines: int, tokens: int, side: int) -> dict[str, float]:
    """How long somebody waits who asks by hand, alone and beside a batch that lasts all the while."""
    alone = by_hand(url, 40, threading.Event(), side)
    done = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(by_hand, url, 600, done, side)
        conversations = [messages(900_000 + n, side) for n in range(2 * lines)]
        seconds, _ = batch(client, conversations, tokens)
        done.set()
        beside = asking.result()
    one_answer = seconds / len(conversations) * SEQUENCES
    return {
        "asked_alone": len(alone),
        "asked_beside": len(beside),
        "alone_p50_s": round(p(alone, 0.5), 3),
        "beside_p50_s": round(p(beside, 0.5), 3),
        "alone_p99_s": round(p(alone, 0.99), 3),
        "beside_p99_s": round(p(beside, 0.99), 3),
        "bound_p99_s": round(p(alone, 0.99) + one_answer, 3),
    }


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--lines", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--side", type=int, default=448)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = measure(given.lines, given.rounds, given.tokens, given.side)
    given.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
