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
    """Flags and figures are held here, no answers: two copies want more memory and cores than a test has."""
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


@pytest.mark.filterwarnings("ignore")  # of importing vLLM
def test_ray_is_taken_by_vllms_parser_and_placed_on_no_cpu() -> None:
    """`docs/machines.md` says that Ray is not run here, and why: Ray is told what a worker needs by the name
    of its device, and vLLM's CPU platform has none."""
    torchvision_cpu.install()
    config = VllmConfig(tensor_parallel=2, args={"distributed-executor-backend": "ray"})
    assert vllm_boot.arguments("m", config).distributed_executor_backend == "ray"
    from vllm.platforms import current_platform

    assert current_platform.ray_device_key == ("" if current_platform.is_cpu() else "GPU")


def test_the_figures_of_a_shared_engine_that_says_nothing_are_those_of_an_idle_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A core tells only one of its clients what it does; the others' last word must not hold for ever."""
    busy = SimpleNamespace(
        num_running_reqs=8, num_waiting_reqs=4, num_skipped_waiting_reqs=0, kv_cache_usage=0.99
    )
    alone, shared = vllm_boot.EngineLoad(devices=0), vllm_boot.EngineLoad(devices=0, shared=True)
    for load in (alone, shared):
        load.update(0, busy)
        assert load.health().kv_usage == 0.99
    monkeypatch.setattr("engine.vllm_boot._FRESH_S", 0)
    assert alone.health().running == 8
    assert (shared.health().running, shared.health().kv_usage) == (0, 0)
