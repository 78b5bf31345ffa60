"""The embedded engine and a second vLLM server as the smaller model, killed and started again under load."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import Start
from tests.servers import ROOT, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(1800)]

CONFIG = """
models:
  large:
    engine: {{kind: vllm, max_num_seqs: 2}}
    fallback: small
  small:
    engine:
      {{kind: remote, base_url: "http://127.0.0.1:{port}/v1", model: small, retries: 0, max_connections: 4}}
lanes:
  interactive: {{reserved: 1, queue: 2, max_wait_s: 2}}
  batch: {{reserved: 0, queue: 0, max_wait_s: 2}}
  video: {{reserved: 0, queue: 0, max_wait_s: 2}}
cache: {{url: none}}
overload: {{breaker_failures: 2, breaker_reset_s: 1}}
"""
BOOT_S = 600


class SmallServer:
    """vLLM's own server on the demo checkpoint, in a process group of its own."""

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        flags = {
            "model": "engine/demo/checkpoint",
            "served-model-name": "small",
            "port": str(self.port),
            "max-model-len": "2048",
            "limit-mm-per-prompt": '{"image": 0, "video": 0}',
        }
        words = [word for name, value in flags.items() for word in (f"--{name}", value)]
        command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager", *words]
        env = {
            "PYTHONPATH": str(ROOT / "engine/_site"),
            "VLLM_CPU_KVCACHE_SPACE": "1",
            "HF_HUB_OFFLINE": "1",
            "VLLM_NO_USAGE_STATS": "1",
        }
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=output, env=os.environ | env, start_new_session=True
            )

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    async def until_it_answers(self) -> None:
        async with asyncio.timeout(BOOT_S), httpx.AsyncClient() as client:
            while True:
                assert self._process is not None
                assert self._process.poll() is None, self._log.read_text()[-3000:]
                try:
                    await client.get(f"http://127.0.0.1:{self.port}/v1/models", timeout=2)
                    return
                except httpx.HTTPError:
                    await asyncio.sleep(0.5)


class Load:
    """Callers that ask one question after the other, and what came back."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=60)
        self.models: list[str] = []
        """The model that answered, or `refused`, in order."""
        self.wrong: list[str] = []
        """What nobody should ever see."""

    @asynccontextmanager
    async def running(self, callers: int) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._keep_asking(number)) for number in range(callers)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._client.aclose()

    async def until(self, *models: str, within_s: float = 120) -> None:
        """Returns when each of these has answered from now on."""
        begin = len(self.models)
        async with asyncio.timeout(within_s):
            while not set(models) <= set(self.models[begin:]):
                await asyncio.sleep(0.05)

    async def _keep_asking(self, number: int) -> None:
        body = {
            "messages": [{"role": "user", "content": f"What can you do, number {number}?"}],
            "max_tokens": 64,
            "temperature": 0.9,
        }
        while True:
            reply = await self._client.post("/v1/chat/completions", json=body)
            if reply.status_code == 200:
                degraded = reply.headers.get("x-degraded")
                model = reply.json()["model"]
                if (model == "small") != (degraded == "2001"):
                    self.wrong.append(f"{model} with X-Degraded {degraded}")
                self.models.append(model)
            elif reply.status_code == 503 and "(code 2001)" in reply.text and "retry-after" in reply.headers:
                self.models.append("refused")
                await asyncio.sleep(0.5)  # the engine that boots meanwhile needs the processor too
            else:
                self.wrong.append(f"{reply.status_code} {reply.text}")


async def test_the_smaller_model_stands_in_dies_and_comes_back(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.servers.BOOT_LIMIT_S", BOOT_S)  # two engines boot at the same time
    small = SmallServer(free_port(), tmp_path / "small.log")
    small.start()
    try:
        gateway = await asyncio.to_thread(start, CONFIG.format(port=small.port))
        await small.until_it_answers()
        load = Load(gateway.url)
        async with load.running(callers=8):
            await load.until("large", "small")
            small.kill()
            await load.until("large", "refused")
            small.start()
            await load.until("small", within_s=BOOT_S)
        assert load.wrong == []
        gateway.process.send_signal(signal.SIGTERM)  # a killed one would leave its engine's processes behind
        await asyncio.to_thread(gateway.process.wait, 60)
    finally:
        small.kill()
