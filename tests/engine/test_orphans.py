"""An engine's processes end with their gateway, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import Start
from tests.servers import ROOT

SITE = ROOT / "engine/_site"
FORKS = "import os, time; print(os.fork(), flush=True); time.sleep(60)"


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def child_of(owner: int, code: str) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": str(SITE), "ENGINE_OWNER_PID": str(owner)}
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)


def test_a_process_and_its_fork_end_when_their_owner_is_killed(owner: subprocess.Popen[bytes]) -> None:
    child = child_of(owner.pid, FORKS)
    assert child.stdout is not None
    fork = next(int(line) for line in child.stdout if line.strip() != "0")
    owner.kill()
    assert child.wait(10) == -signal.SIGKILL
    child.stdout.close()
    psutil.wait_procs([psutil.Process(fork)] if psutil.pid_exists(fork) else [], 10)
    assert not psutil.pid_exists(fork)


def test_a_process_whose_owner_is_gone_does_not_begin(owner: subprocess.Popen[bytes]) -> None:
    owner.kill()
    owner.wait()
    child = child_of(owner.pid, "print('here')")
    assert child.communicate(timeout=10)[0] == ""
    assert child.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.engine
def test_a_killed_gateway_leaves_no_engine_behind(start: Start, tmp_path: Path) -> None:
    server = start("models: {m: {engine: {kind: vllm}}}")
    body = {"messages": [{"role": "user", "content": "What can you do?"}]}
    assert httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60).status_code == 200
    family = psutil.Process(server.process.pid).children(recursive=True)
    engine = [process for process in family if "valkey" not in process.name()]
    assert engine
    server.process.kill()
    server.process.wait(10)
    _, left = psutil.wait_procs(engine, timeout=10)
    for process in family:  # the stores stay for the next gateway; this one's end with the test
        if process.is_running():
            process.kill()
    assert left == []
