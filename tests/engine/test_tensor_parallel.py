"""Weights split over two groups of cores, as they are over GPUs, and two copies of them. Needs two cores."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

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


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_two_copies_share_the_requests(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "0|1")
    monkeypatch.setattr("tests.servers.BOOT_LIMIT_S", 600)  # two engines boot at the same time
    server = start("models: {m: {engine: {kind: vllm, data_parallel: 2, max_num_seqs: 4}}}")
    body = {"messages": [{"role": "user", "content": "What can you do?"}], "temperature": 1}

    def ask(_: int) -> int:
        with server.client() as client:
            return client.post("/v1/chat/completions", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(24))) == {200}
    with server.client() as client:
        text = client.get("/metrics").text
    assert 'gateway_engine_slots{lane="all",model="m"} 8.0' in text
    done = re.findall(
        r'^vllm:request_success_total\{engine="(\d)".*finished_reason="stop".*\} ([\d.]+)$', text, re.M
    )
    assert {engine for engine, number in done if float(number)} == {"0", "1"}
