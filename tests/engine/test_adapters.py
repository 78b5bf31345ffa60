"""LoRA adapters on the real engine, in process: each answers under a name of its own."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from engine import torchvision_cpu, vllm_boot
from engine.config import VllmConfig
from tests.conftest import Start
from tests.engine.adapters import write_adapter, write_dense_checkpoint
from tests.pictures import example

pytestmark = pytest.mark.filterwarnings("ignore")  # of importing vLLM and transformers

NAMES = ("dense", "silent", "loud")


@pytest.mark.slow
@pytest.mark.engine
def test_adapters_and_their_model_answer_side_by_side(start: Start, tmp_path: Path) -> None:
    torchvision_cpu.install()
    model = write_dense_checkpoint(tmp_path / "model")
    adapters = {
        "silent": str(write_adapter(tmp_path / "silent", strength=0)),
        "loud": str(write_adapter(tmp_path / "loud", strength=1)),
    }
    exact = {"dtype": "float32"}  # random weights are undecided: the order of sums in a batch must not matter
    engine = {"kind": "vllm", "model": str(model), "adapters": adapters, "args": exact}
    server = start(json.dumps({"models": {"dense": {"engine": engine}}}))

    with server.client() as client:

        def said(name: str, **rest: Any) -> str:
            url = {"url": example("shapes.png")}
            content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What?"}]
            body = {"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 16}
            reply = client.post("/v1/chat/completions", json=body | {"model": name} | rest)
            assert reply.status_code == 200, reply.text
            assert reply.json()["model"] == name
            return str(reply.json()["choices"][0]["message"]["content"])

        with ThreadPoolExecutor(len(NAMES)) as together:  # in one batch
            plain, silent, loud = together.map(said, NAMES)
        assert plain == silent != loud
        parsed = [said(name, logprobs=True) for name in NAMES]  # the other way into the engine
        assert parsed == [plain, silent, loud]
        listed = client.get("/v1/models").json()["data"]
        assert {model["id"]: model.get("parent") for model in listed} == {
            "dense": None,
            "silent": "dense",
            "loud": "dense",
        }
        assert client.get("/v1/models/quiet").status_code == 404


def test_the_flags_make_room_for_every_adapter_and_the_largest_rank(tmp_path: Path) -> None:
    torchvision_cpu.install()
    adapters = {name: str(tmp_path / name) for name in ("one", "two")}
    for rank, folder in zip((8, 12), adapters.values(), strict=True):
        Path(folder).mkdir()
        (Path(folder) / "adapter_config.json").write_text(json.dumps({"r": rank}))
    args = vllm_boot.arguments("m", VllmConfig(adapters=adapters))
    assert (args.enable_lora, args.max_loras, args.max_lora_rank) == (
        True,
        3,
        16,
    )  # and a place that stays empty
    assert {module.name: module.path for module in args.lora_modules} == adapters
    assert not vllm_boot.arguments("m", VllmConfig()).enable_lora
    wider = VllmConfig(adapters=adapters, args={"max-lora-rank": 64})
    assert vllm_boot.arguments("m", wider).max_lora_rank == 64


def test_an_adapter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="The adapter bills is not there"):
        vllm_boot.arguments("m", VllmConfig(adapters={"bills": str(tmp_path / "nowhere")}))
    with pytest.raises(ValueError, match="The adapter bills cannot be read"):
        vllm_boot.arguments("m", VllmConfig(adapters={"bills": str(tmp_path)}))
