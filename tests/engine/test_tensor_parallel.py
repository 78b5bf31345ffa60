"""Weights split over two groups of cores, as they are over GPUs. Needs two cores."""

from __future__ import annotations

import pytest

from tests.conftest import Start
from tests.pictures import example

CONFIG = "models: {m: {engine: {kind: vllm, tensor_parallel: 2}}}"


@pytest.mark.slow
@pytest.mark.engine
def test_two_parts_answer_as_one(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
    server = start(CONFIG)
    body = {
        "task": "vqa",
        "images": [example("shapes.png")],
        "text": "What color is the circle?",
        "options": {"temperature": 0},
    }
    with server.client() as client:
        assert client.post("/infer", json=body).json()["result"]["answer"] == "red"
