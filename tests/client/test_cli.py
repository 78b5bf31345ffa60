"""`qwen-vl ask`, `tasks` and `models` against a server process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import Start
from tests.servers import ROOT

CONFIG = """
models: {m: {engine: {kind: scripted, answer: '数据正常。 All is well.'}}}
accounts: {prices: {m: {output: 8}}, currency: CNY}
"""


def qwen_vl(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *words, "--base-url", url]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_questions_answers_and_lists(start: Start) -> None:
    url = start(CONFIG).url
    asked = qwen_vl("ask", "examples/chart.png", "这张图的数据是否异常?", url=url)
    assert (asked.stdout, asked.stderr) == ("数据正常。 All is well.\n", "")
    whole = qwen_vl("ask", "examples/chart.png", "What?", "--json", "--task", "vqa", url=url)
    assert json.loads(whole.stdout)["answer"] == "数据正常。 All is well."
    cost = json.loads(whole.stdout)["metadata"]["cost"]
    assert (cost["amount"] > 0, cost["currency"]) == (True, "CNY")
    assert qwen_vl("models", url=url).stdout == "m\n"
    assert "chart_parse  Reads a chart" in qwen_vl("tasks", url=url).stdout
    refused = qwen_vl("ask", "examples/chart.png", "What?", "--model", "gpt-9", url=url)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "code 1006" in refused.stderr


def test_it_stands_in_a_pipe_at_either_end(start: Start) -> None:
    url = start(
        "models: {m: {engine: {kind: scripted, token_delay_ms: 5, answer: '" + "word " * 400 + "'}}}"
    ).url
    command = f"{sys.executable} -m gateway.cli ask - 'What is it?' --base-url {url} < examples/chart.png"
    piped = f"set -o pipefail; {command} | head -c 9"
    done = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr, done.returncode) == ("word word", "", 141)


def test_the_shell_completes_what_the_gateway_serves(start: Start) -> None:
    url = start(CONFIG).url
    shell = {"_QWEN_VL_COMPLETE": "complete_bash", "QWEN_VL_BASE_URL": url}
    command = [Path(sys.executable).with_name("qwen-vl")]
    for typed, found in (("qwen-vl ask --task ch", "chart_parse"), ("qwen-vl ask --model ", "m")):
        asked = shell | {"COMP_WORDS": typed, "COMP_CWORD": "3"}
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | asked, capture_output=True, text=True, timeout=60
        )
        assert done.stdout.split() == [found], done.stderr
    nowhere = shell | {"QWEN_VL_BASE_URL": "http://127.0.0.1:9"}
    asked = nowhere | {"COMP_WORDS": "qwen-vl ask --model ", "COMP_CWORD": "3"}
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | asked, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_no_server_is_said_in_a_sentence() -> None:
    done = qwen_vl("models", url="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "Is the gateway running?" in done.stderr
    assert "Traceback" not in done.stderr
