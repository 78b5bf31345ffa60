"""Servers that tests talk to: processes, and applications in this one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import uvicorn
from starlette.types import ASGIApp

ROOT = Path(__file__).parent.parent
BOOT_LIMIT_S = 240
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


@dataclass
class RunningServer:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def launch(log: Path, *flags: str) -> subprocess.Popen[bytes]:
    """`qwen-vl serve` on a free port, its output in `log`, its data beside it."""
    with log.open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--port", "0", *flags],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"COLUMNS": "1000", "XDG_DATA_HOME": str(log.with_suffix(".data"))},
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """In order if it can, by force if it must; an engine's own processes go with it."""
    family = []
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> RunningServer:
    """Wait for the address that the server prints when its model is warm."""
    pause = threading.Event()
    deadline = time.monotonic() + BOOT_LIMIT_S
    while time.monotonic() < deadline:
        text = log.read_text()
        if "Ready after" in text and (found := _ADDRESS.search(text)):
            return RunningServer(process, found[0], log)
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{text[-4000:]}")
        pause.wait(0.2)
    process.kill()
    raise RuntimeError(f"the server was not ready after {BOOT_LIMIT_S} s:\n{log.read_text()[-4000:]}")


@contextlib.contextmanager
def serving(folder: Path, config: str) -> Iterator[RunningServer]:
    """A server of this configuration, its log and data in `folder`, for as long as the block lasts."""
    (folder / "gateway.yaml").write_text(config)
    process = launch(folder / "serve.log", "--config", str(folder / "gateway.yaml"))
    try:
        yield wait_until_ready(process, folder / "serve.log")
    finally:
        end(process)


@contextlib.asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The address of an application that listens on a port of its own, in this very process."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
