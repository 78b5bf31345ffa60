"""What a server process writes to its log."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import Start
from tests.servers import RunningServer

CONFIG = """
server: {{log_format: {form}, log_level: {level}}}
models: {{m: {{engine: {{kind: scripted}}}}}}
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false, moderation: {{base_url: "http://127.0.0.1:9/v1", timeout_s: 0.2}}}}
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
CHAT = {"messages": [{"role": "user", "content": "my secret question"}]}


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def until(log: Path, text: str) -> None:
    """Returns when the log holds `text`."""
    pause = threading.Event()
    for _ in range(200):
        if text in log.read_text():
            return
        pause.wait(0.05)
    raise AssertionError(f"{text!r} is not in the log:\n{log.read_text()}")


def test_a_json_log_names_request_and_trace(start: Start) -> None:
    server = start(CONFIG.format(form="json", level="info"))
    headers = {"x-request-id": "mine-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    reply = httpx.post(f"{server.url}/v1/chat/completions", json=CHAT, headers=headers)
    assert reply.status_code >= 400  # the moderation endpoint is away, and nothing passes unjudged
    until(server.log, "mine-1")
    mine = [line for line in lines(server.log) if line.get("request_id") == "mine-1"]
    assert {line["trace_id"] for line in mine} == {TRACE}
    assert {"time", "level", "logger", "message", "pid"} <= mine[0].keys()
    assert "my secret question" not in server.log.read_text()


def test_the_level_changes_at_run_time_and_back(start: Start) -> None:
    server: RunningServer = start(CONFIG.format(form="json", level="warning"))
    server.process.send_signal(signal.SIGUSR1)
    until(server.log, "the log level is now debug")
    server.process.send_signal(signal.SIGUSR2)
    until(server.log, "the log level is now warning")
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_a_plain_log_is_one_line_a_record(start: Start) -> None:
    server = start(CONFIG.format(form="text", level="info"))
    server.process.send_signal(signal.SIGUSR1)
    until(server.log, "the log level is now debug")
    (line,) = (line for line in server.log.read_text().splitlines() if "now debug" in line)
    assert " WARNING gateway  " in line
