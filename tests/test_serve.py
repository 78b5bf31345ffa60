"""`qwen-vl serve` as a process: signals, exit status, a dying engine."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest

from gateway import __version__
from gateway.doctor import diagnose
from gateway.settings import load_settings
from tests.conftest import Start
from tests.pictures import square
from tests.servers import ROOT, launch

BODY = {"task": "captioning", "images": [square()], "options": {"stream": True}}


def scripted(words: int, delay_ms: int) -> str:
    answer = "word " * words
    return f"models: {{m: {{engine: {{kind: scripted, answer: '{answer}', token_delay_ms: {delay_ms}}}}}}}"


def test_a_server_without_work_stops_with_status_zero(start: Start) -> None:
    server = start(scripted(1, 0))
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(10) == 0
    assert "Traceback" not in server.log.read_text()


def test_sigterm_lets_a_running_stream_finish(start: Start) -> None:
    server = start(scripted(40, 25))
    with server.client() as client, client.stream("POST", "/infer", json=BODY) as reply:
        lines = reply.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        rest = list(lines)
    assert "event: final" in rest
    assert server.process.wait(10) == 0


def test_the_drain_has_an_end(start: Start) -> None:
    server = start(scripted(10_000, 25), "--drain-timeout", "1")
    with server.client() as client, client.stream("POST", "/infer", json=BODY) as reply:
        lines = reply.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert server.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert "The server is shutting down" in "\n".join(lines)
    assert "Traceback" not in server.log.read_text()


def test_a_port_in_use_is_said_in_a_sentence(start: Start) -> None:
    taken = start(scripted(1, 0)).url.rpartition(":")[2]
    command = [sys.executable, "-m", "gateway.cli", "serve", "--port", taken]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert taken in done.stderr
    assert "in use" in done.stderr
    assert "Traceback" not in done.stderr
    port = next(
        found for found in diagnose(load_settings(flags={"server": {"port": taken}})) if found.what == "port"
    )
    assert (port.state, __version__ in port.detail) == ("note", True), "it is ours that serves there"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_checkpoint_that_is_not_there_ends_the_server_with_a_reason(tmp_path: Path, workers: int) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"models: {{m: {{engine: {{kind: vllm, model: {tmp_path}/none}}}}}}")
    command = [sys.executable, "-m", "gateway.cli", "serve", "--port", "0", "--config", str(config)]
    command += ["--workers", str(workers)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3
    assert "could not be loaded" in done.stderr


@pytest.mark.engine
def test_sigterm_ends_a_server_that_is_still_loading(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("models: {m: {engine: {kind: vllm}}}")
    log = tmp_path / "serve.log"
    server = launch(log, "--config", str(tmp_path / "gateway.yaml"))
    until_core_starts(server)
    engine = [child for child in children_of(server) if "valkey" not in child.name()]
    server.send_signal(signal.SIGTERM)
    assert server.wait(20) == 0
    assert psutil.wait_procs(engine, timeout=10)[1] == []
    assert "Traceback" not in log.read_text()


def until_core_starts(server: subprocess.Popen[bytes]) -> None:
    """Returns when the engine's own process is there, long before its model is."""
    pause, deadline = threading.Event(), time.monotonic() + 120
    while time.monotonic() < deadline:
        for child in children_of(server):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()) or "EngineCore" in child.name():
                    return
        pause.wait(0.1)
    raise AssertionError("no engine was started")


def children_of(server: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(server.pid).children(recursive=True)


@pytest.mark.engine
def test_a_dead_engine_turns_readiness_bad_and_ends_the_process(start: Start) -> None:
    server = start("server: {drain_timeout_s: 5}")
    with server.client() as client, client.stream("POST", "/infer", json=long_request()) as reply:
        lines = reply.iter_lines()
        next(lines)
        core = next(
            child
            for child in children_of(server.process)
            if "EngineCore" in child.name() + " ".join(child.cmdline())
        )
        core.kill()
        rest = "\n".join(lines)
        assert '"code":2002' in rest
        assert unready_within(client, 2)
    assert server.process.wait(30) == 3


def long_request() -> dict[str, object]:
    return {
        "task": "vqa",
        "images": [square()],
        "text": "Hi",
        "options": {"stream": True, "max_tokens": 3000},
    }


def unready_within(client: httpx.Client, seconds: float) -> bool:
    """Whether `/ready` says 503, or is gone with the server, within this time."""
    pause, deadline = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if client.get("/ready").status_code == 503:
                return True
        except httpx.TransportError:
            return True
        pause.wait(0.05)
    return False
