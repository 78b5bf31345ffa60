"""The systems that are measured: how each is started, and when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec
import psutil

ROOT = Path(__file__).parent.parent.parent
PEERS = ROOT / ".venv-peers" / "bin"
CHECKPOINT = ROOT / "engine" / "demo" / "checkpoint"
MODEL = "qwen3-vl"
"""The name under which every system serves the model."""
SLOTS = 16
_KEY = "sk-bench"
_BOOT_S = 300
_LAG = re.compile(r"^gateway_event_loop_lag_seconds (\S+)", re.MULTILINE)


class Files(msgspec.Struct, frozen=True):
    """Where a run keeps configurations and logs."""

    folder: Path

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


class System(msgspec.Struct, frozen=True):
    name: str
    meaning: str
    command: tuple[str, ...]
    port: int
    env: dict[str, str] = {}
    key: str | None = None
    ready: str = "/health"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Running:
    """A system's processes."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self._log = folder / f"{system.name}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                system.command,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"XDG_DATA_HOME": str(folder / system.name)} | system.env,
            )

    async def wait(self) -> None:
        """Returns when it answers. Raises `RuntimeError` with the end of its log where it does not."""
        async with httpx.AsyncClient(timeout=5) as client:
            for _ in range(_BOOT_S * 2):
                if self._process.poll() is not None:
                    break
                with contextlib.suppress(httpx.HTTPError):
                    headers = {"authorization": f"Bearer {self.system.key}"} if self.system.key else {}
                    reply = await client.get(self.system.url + self.system.ready, headers=headers)
                    if reply.status_code == 200:
                        return
                await asyncio.sleep(0.5)
        raise RuntimeError(f"{self.system.name} is not ready:\n{self._log.read_text()[-2000:]}")

    def cpu_s(self) -> float:
        """Processor seconds of all its processes so far."""
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def memory_mb(self) -> tuple[float, float]:
        """Resident memory in MB: of the process that serves HTTP, and of all its processes."""
        sizes = []
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                sizes.append(process.memory_info().rss / 1e6)
        return sizes[0], sum(sizes)

    async def lag_ms(self) -> float:
        """Longest delay of its event loop in the last ten seconds; 0 where it does not say."""
        async with httpx.AsyncClient(timeout=5) as client:
            with contextlib.suppress(httpx.HTTPError):
                found = _LAG.search((await client.get(f"{self.system.url}/metrics")).text)
                return 1000 * float(found[1]) if found else 0.0
        return 0.0

    def end(self) -> None:
        family = self._family()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.Error:
            return []


def vllm(files: Files) -> System:
    """vLLM's own OpenAI server, with the flags that the embedded engine has."""
    port = free_port()
    command = (
        *(sys.executable, "-m", "vllm.entrypoints.openai.api_server"),
        *("--model", str(CHECKPOINT), "--served-model-name", MODEL, "--port", str(port)),
        *("--max-num-seqs", str(SLOTS), "--enforce-eager", "--generation-config", "vllm"),
        *("--limit-mm-per-prompt", '{"image": 32, "video": 1}', "--disable-log-stats"),
    )
    env = {
        "PYTHONPATH": f"{ROOT / 'engine' / '_site'}:{ROOT}",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    return System("vllm", "vLLM's own server", command, port, env)


def gateway(
    files: Files, *, classify: bool = True, upstream: System | None = None, name: str = "", more: str = ""
) -> System:
    """This gateway: with its engine, or before another server. `more` is added to its configuration."""
    port = free_port()
    engine = f"{{kind: vllm, max_num_seqs: {SLOTS}}}"
    meaning = "this gateway, engine embedded"
    if upstream is not None:
        engine = f"{{kind: remote, base_url: '{upstream.url}/v1', model: {MODEL}}}"
        meaning = "this gateway before another server"
    safety = f"safety: {{classify_images: {str(classify).lower()}}}"
    name = name or ("gateway" if upstream is None else "gateway-remote")
    config = files.write(f"{name}.yaml", f"models: {{{MODEL}: {{engine: {engine}}}}}\n{safety}\n{more}")
    command = (sys.executable, "-m", "gateway.cli", "serve", "--config", config, "--port", str(port))
    return System(name, meaning, command, port, ready="/ready")


def litellm(
    files: Files, upstream: System, *, redis_port: int | None = None, name: str = "litellm"
) -> System:
    port = free_port()
    cache = ""
    if redis_port:
        cache = f"  cache: true\n  cache_params: {{type: redis, host: 127.0.0.1, port: {redis_port}}}\n"
    text = (
        f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{MODEL}\n"
        f"      api_base: {upstream.url}/v1\n      api_key: none\n"
        f"litellm_settings:\n  telemetry: false\n{cache}general_settings:\n  master_key: {_KEY}\n"
    )
    config = files.write(f"{name}.yaml", text)
    command = (str(PEERS / "litellm"), "--config", config, "--port", str(port), "--host", "127.0.0.1")
    env = {"PATH": f"{PEERS}:{os.environ['PATH']}", "PYTHONPATH": "", "LITELLM_LOG": "ERROR"}
    meaning = "LiteLLM's proxy" + (" with its Redis cache" if redis_port else "")
    return System(name, meaning, command, port, env, key=_KEY, ready="/health/liveliness")


def router(files: Files, upstream: System, name: str = "vllm-router") -> System:
    port, figures = free_port(), free_port()
    command = (
        *(str(PEERS / "vllm-router"), "--host", "127.0.0.1", "--port", str(port)),
        *("--worker-urls", upstream.url, "--policy", "round_robin", "--log-level", "error"),
        *("--prometheus-port", str(figures)),
    )
    return System(name, "vllm-router (Rust)", command, port, {"PYTHONPATH": ""})


def prototype(redis: str) -> System:
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.peers.prototype", str(port), redis)
    return System("prototype", "the least that a gateway with kept answers can be", command, port)


def stub() -> System:
    port = free_port()
    command = (sys.executable, "-m", "benchmarks.peers.stub", str(port))
    return System("stub", "an upstream that answers at once", command, port, ready="/v1/models")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def start(systems: Sequence[System], folder: Path) -> list[Running]:
    """One after the other, since each wants the whole machine while it starts."""
    running: list[Running] = []
    for system in systems:
        print(f"starting {system.name} …", file=sys.stderr, flush=True)
        running.append(Running(system, folder))
        try:
            await running[-1].wait()
        except RuntimeError:
            for one in running:
                one.end()
            raise
    return running
