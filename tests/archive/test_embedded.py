"""The real engine's answers, from the wire to a training set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pictures import EXAMPLES, example
from tests.servers import ROOT, end, serving

pytestmark = [pytest.mark.slow, pytest.mark.engine]


def command(*words: str) -> str:
    whole = [sys.executable, "-m", "gateway.cli", "archive", *words]
    return subprocess.run(whole, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_true_answer_becomes_a_line_of_a_training_set(tmp_path: Path) -> None:
    with serving(tmp_path, f"archive: {{url: {tmp_path}/archive}}\n") as server:
        with server.client() as client:
            chart = {"task": "chart_parse", "images": [example("chart.png")]}
            replies = [client.post("/infer", json=chart).json() for _ in range(2)]
            shapes = {"task": "vqa", "images": [example("shapes.png")], "text": "What color is the circle?"}
            client.post("/infer_stream", json=shapes)
        end(server.process)
    config = ("--config", str(tmp_path / "gateway.yaml"))
    listed = command("list", *config)
    assert ("chart_parse" in listed, "vqa" in listed) == (True, True)
    kept = json.loads(command("show", replies[1]["request_id"], *config))
    assert kept["record"]["cache"] == "hit"
    assert kept["result"]["choices"][0]["content"] == replies[0]["result"]["answer"]
    assert kept["record"]["confidence"] > 0.5
    command("review", "--id", replies[0]["request_id"], "--mark", "right", *config)
    command("export", "--out", str(tmp_path / "set"), *config)
    (line,) = [json.loads(line) for line in (tmp_path / "set" / "train.jsonl").read_text().splitlines()]
    values = {
        p["label"]: p["value"] for p in json.loads(line["messages"][-1]["content"])["series"][0]["points"]
    }
    assert values == {"A": 12, "B": 27, "C": 42, "D": 18}
    picture = (tmp_path / "set" / line["images"][0]).read_bytes()
    assert picture == (EXAMPLES / "chart.png").read_bytes()
