"""Several processes behind one port, as their clients, their supervisor and Prometheus see them."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import httpx
import psutil
import pytest

from tests.conftest import Start
from tests.servers import RunningServer

pytestmark = pytest.mark.anyio

CONFIG = """
server: {workers: 2, drain_timeout_s: 20}
models:
  m: {engine: {kind: scripted, answer: "one two three four", token_delay_ms: DELAY, max_running: 64}}
safety: {classify_images: false}
"""
BODY = {"messages": [{"role": "user", "content": "Count."}], "temperature": 0.5}


def config(delay_ms: int = 0) -> str:
    return CONFIG.replace("DELAY", str(delay_ms))


def workers(server: RunningServer) -> list[psutil.Process]:
    family = psutil.Process(server.process.pid).children()
    return [process for process in family if "spawn_main" in " ".join(process.cmdline())]


def connections(process: psutil.Process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))


async def figures(client: httpx.AsyncClient, name: str) -> float:
    text = (await client.get("/metrics", headers={"connection": "close"})).text
    lines = [line for line in text.splitlines() if line.startswith((name + "{", name + " "))]
    assert lines, f"{name} is not told"
    return sum(float(line.split()[-1]) for line in lines)


async def test_both_serve_and_whoever_is_asked_tells_the_figures_of_all(start: Start) -> None:
    server = await asyncio.to_thread(start, config(delay_ms=50))
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        replies = asyncio.gather(*(client.post("/v1/chat/completions", json=BODY) for _ in range(40)))
        async with asyncio.timeout(30):
            while not all(connections(worker) for worker in workers(server)):
                await asyncio.sleep(0.01)
        assert {reply.status_code for reply in await replies} == {200}
        for _ in range(6):
            assert await figures(client, "gateway_requests_total") == 40
            assert await figures(client, "gateway_engine_slots") == 64
            assert await figures(client, "gateway_ready") == 1


async def test_an_answer_that_one_kept_is_a_hit_for_all(start: Start) -> None:
    server = await asyncio.to_thread(start, config())
    body = BODY | {"temperature": 0}
    uses = []
    for _ in range(8):
        async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
            uses.append((await client.post("/v1/chat/completions", json=body)).headers["x-cache"])
            await asyncio.sleep(0.05)  # the answer is written after the reply
    assert uses == ["miss"] + ["hit"] * 7


async def test_a_worker_that_is_killed_is_started_again_while_the_other_serves(start: Start) -> None:
    server = await asyncio.to_thread(start, config())
    victim, other = workers(server)
    victim.kill()
    await asyncio.to_thread(victim.wait, 10)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        for _ in range(10):
            reply = await client.post("/v1/chat/completions", json=BODY, headers={"connection": "close"})
            assert reply.status_code == 200
        async with asyncio.timeout(30):
            while len(workers(server)) < 2 or await figures(client, "gateway_engine_slots") < 64:
                await asyncio.sleep(0.1)
    assert other in workers(server)
    assert victim not in workers(server)


async def test_a_stop_finishes_the_streams_of_all_and_ends_with_0(start: Start) -> None:
    server = await asyncio.to_thread(start, config(delay_ms=200))

    async def listen() -> list[str]:
        async with (
            httpx.AsyncClient(base_url=server.url, timeout=30) as client,
            client.stream("POST", "/v1/chat/completions", json=BODY | {"stream": True}) as reply,
        ):
            lines = reply.aiter_lines()
            seen = [await anext(lines)]
            started.release()
            return seen + [line async for line in lines]

    started = asyncio.Semaphore(0)
    listening = [asyncio.create_task(listen()) for _ in range(12)]
    for _ in listening:
        await started.acquire()
    server.process.send_signal(signal.SIGTERM)
    for lines in await asyncio.gather(*listening):
        assert "data: [DONE]" in lines
    assert await asyncio.to_thread(server.process.wait, 20) == 0


async def test_a_killed_parent_takes_its_workers_with_it(start: Start) -> None:
    server = await asyncio.to_thread(start, config())
    family = workers(server)
    server.process.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 20)
    assert alive == []


async def test_more_workers_than_slots_are_refused(start: Start) -> None:
    with pytest.raises(RuntimeError, match=r"ended with 2:[\s\S]*larger than the 1 requests"):
        await asyncio.to_thread(start, config().replace("max_running: 64", "max_running: 1"))


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
async def test_two_workers_share_one_engine_and_end_with_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a client of the same core. When that is killed, readiness falls at once, what runs is told
    so, and all end with the status that asks the supervisor for a fresh start."""
    monkeypatch.setattr("tests.servers.BOOT_LIMIT_S", 600)
    engine = (
        "models: {m: {engine: {kind: vllm, max_num_seqs: 8}}}\nserver: {workers: 2}\ncache: {url: none}\n"
    )
    server = await asyncio.to_thread(start, engine)
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(base_url=server.url, timeout=60, limits=limits) as client:
        asking = [
            asyncio.create_task(client.post("/v1/chat/completions", json=BODY | {"max_tokens": 200}))
            for _ in range(16)
        ]
        async with asyncio.timeout(60):
            while not all(connections(worker) for worker in workers(server)):
                await asyncio.sleep(0.01)
        replies = await asyncio.gather(*asking)
        assert {reply.status_code for reply in replies} == {200}
        assert await figures(client, "gateway_engine_slots") == 8
        family = psutil.Process(server.process.pid).children(recursive=True)
        (core,) = [
            process for process in family if "EngineCore" in " ".join([process.name(), *process.cmdline()])
        ]
        os.kill(core.pid, signal.SIGKILL)
        killed = time.monotonic()
        try:
            while (await client.get("/ready", timeout=2)).status_code == 200:
                await asyncio.sleep(0.02)
        except httpx.TransportError:
            pass  # all have ended already
        assert time.monotonic() - killed <= 2
    assert await asyncio.to_thread(server.process.wait, 40) == 3
