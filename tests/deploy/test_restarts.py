"""Gateways that are restarted, told to stop, and killed, while people use them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import Start
from tests.deploy.tools import start as start_tool
from tests.servers import RunningServer, end, free_port, launch, wait_until_ready

CONFIG = """
server: {drain_timeout_s: 20}
models:
  m: {engine: {kind: scripted, answer: "one two three four five six seven eight", token_delay_ms: 40}}
cache: {url: none}
state: {url: none}
safety: {classify_images: false}
"""
ANSWER = "one two three four five six seven eight"
HAPROXY = """
global
  log stdout format raw local0
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  # A request that reached nobody is sent to another one; one that was begun never is.
  retries 2
  option redispatch
  retry-on conn-failure
frontend public
  bind 127.0.0.1:{port}
  default_backend gateways
backend gateways
  option httpchk GET /ready
  http-check expect status 200
  default-server check inter 200ms fall 1 rise 1
{servers}
"""
BODY = {"messages": [{"role": "user", "content": "Count."}], "temperature": 0.5, "stream": True}


def text_of(reply: httpx.Response) -> str:
    """What a stream says in all; empty where it is not whole."""
    frames = [line[5:].strip() for line in reply.text.splitlines() if line.startswith("data:")]
    if not frames or frames[-1] != "[DONE]":
        return ""
    choices = [choice for frame in frames[:-1] for choice in json.loads(frame)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


class Load:
    """Callers that ask one question after the other, and what went wrong."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=30)
        self.answered = 0
        self.wrong: list[str] = []

    async def _keep_asking(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                reply = await self._client.post("/v1/chat/completions", json=BODY)
            except httpx.HTTPError as error:
                self.wrong.append(repr(error))
                continue
            if reply.status_code == 200 and text_of(reply) == ANSWER:
                self.answered += 1
            else:
                self.wrong.append(f"{reply.status_code} {reply.text[-300:]}")

    @asynccontextmanager
    async def running(self, callers: int) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._keep_asking(stop)) for _ in range(callers)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
            await self._client.aclose()

    async def until_answered(self, more: int) -> None:
        goal = self.answered + more
        async with asyncio.timeout(60):
            while self.answered < goal:
                await asyncio.sleep(0.01)


@contextmanager
def proxy(folder: Path, *ports: int) -> Iterator[str]:
    """HAProxy in front of gateways on these ports; the address it listens on."""
    port = free_port()
    servers = "\n".join(f"  server g{number} 127.0.0.1:{number}" for number in ports)
    (folder / "haproxy.cfg").write_text(HAPROXY.format(port=port, servers=servers))
    process = start_tool("haproxy", "-f", str(folder / "haproxy.cfg"), log=folder / "haproxy.log")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


async def until_ready(url: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.tools
async def test_a_rolling_restart_under_load_fails_nobody(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG)
    ports = (free_port(), free_port())

    def boot(port: int, number: int) -> RunningServer:
        log = tmp_path / f"{port}-{number}.log"
        process = launch(log, "--config", str(config), "--port", str(port))
        return wait_until_ready(process, log)

    servers = [await asyncio.to_thread(boot, port, 0) for port in ports]
    try:
        with proxy(tmp_path, *ports) as url:
            await until_ready(url)
            load = Load(url)
            async with load.running(callers=8):
                await load.until_answered(20)
                for place, port in enumerate(ports):
                    servers[place].process.send_signal(signal.SIGTERM)
                    assert await asyncio.to_thread(servers[place].process.wait, 30) == 0
                    await load.until_answered(20)
                    servers[place] = await asyncio.to_thread(boot, port, 1)
                    await load.until_answered(40)
            assert load.wrong == []
    finally:
        for server in servers:
            end(server.process)


async def test_a_stop_in_the_middle_of_a_stream_finishes_the_stream(start: Start) -> None:
    server = await asyncio.to_thread(start, CONFIG)
    async with (
        httpx.AsyncClient(base_url=server.url, timeout=30) as client,
        client.stream("POST", "/v1/chat/completions", json=BODY) as reply,
    ):
        lines = reply.aiter_lines()
        seen = [await anext(lines)]
        server.process.send_signal(signal.SIGTERM)
        seen += [line async for line in lines]
    assert "data: [DONE]" in seen
    assert await asyncio.to_thread(server.process.wait, 10) == 0


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
async def test_a_killed_engine_is_seen_at_once_and_the_smaller_model_answers(
    start: Start, tmp_path: Path
) -> None:
    """Of two models one engine dies: readiness of it falls, its fallback takes over. A gateway that has
    nobody else ends with 3, and the next process answers again."""
    config = """
models:
  large: {engine: {kind: vllm, max_num_seqs: 4}, fallback: small}
  small: {engine: {kind: scripted, answer: "small"}}
cache: {url: none}
"""
    server = await asyncio.to_thread(start, config)
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as client:
        body = {"messages": [{"role": "user", "content": "What can you do?"}]}
        assert (await client.post("/v1/chat/completions", json=body)).json()["model"] == "large"
        kill_engine(server)
        killed = time.monotonic()
        async with asyncio.timeout(10):
            while (await client.get("/ready")).json()["models"]["large"]["ready"]:
                await asyncio.sleep(0.02)
        assert time.monotonic() - killed <= 2
        reply = await client.post("/v1/chat/completions", json=body)
        assert (reply.status_code, reply.json()["model"]) == (200, "small")
        assert reply.headers["x-degraded"] == "2001"


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(1800)
def test_a_gateway_without_any_engine_ends_for_its_supervisor_and_comes_back(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.BOOT_LIMIT_S", 600)
    config = "models: {m: {engine: {kind: vllm}}}"
    server = start(config)
    kill_engine(server)
    assert server.process.wait(30) == 3
    again = start(config)
    body = {"messages": [{"role": "user", "content": "What can you do?"}]}
    assert httpx.post(f"{again.url}/v1/chat/completions", json=body, timeout=60).status_code == 200


def kill_engine(server: RunningServer) -> None:
    """The engine core, as the kernel's out-of-memory killer would."""
    family = psutil.Process(server.process.pid).children()
    core = [process for process in family if "EngineCore" in " ".join([process.name(), *process.cmdline()])]
    assert core, [process.cmdline() for process in family]
    os.kill(core[0].pid, signal.SIGKILL)
