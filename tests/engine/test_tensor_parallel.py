"""Weights split over two groups of cores, as they are over GPUs, and two copies of them. Needs two cores."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine import torchvision_cpu, vllm_boot
from engine.config import VllmConfig
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


@pytest.mark.filterwarnings("ignore")  # of importing vLLM
def test_copies_of_an_engine_are_vllms_data_parallel_and_count_together() -> None:
    """The CPU build does not run this model in copies: flags and figures are held here, no answers."""
    torchvision_cpu.install()
    config = VllmConfig(data_parallel=2, max_num_seqs=4)
    assert config.slots == 8
    assert vllm_boot.arguments("m", config).data_parallel_size == 2
    load = vllm_boot.EngineLoad(devices=0)
    for copy in (0, 1, 1):
        stats = SimpleNamespace(
            num_running_reqs=2, num_waiting_reqs=1, num_skipped_waiting_reqs=0, kv_cache_usage=0.1 + copy / 2
        )
        load.update(copy, stats)
    health = load.health()
    assert (health.running, health.waiting, health.kv_usage) == (4, 2, 0.6)
