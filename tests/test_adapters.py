"""LoRA adapters are models of their own on another's engine; `engine/test_adapters.py` has real ones."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from pydantic import ValidationError

from engine.errors import Overloaded
from gateway.models import build_models
from gateway.settings import CacheSettings, SafetySettings, Settings, StateSettings
from tests.conftest import Gateway
from tests.scripts import scripted

pytestmark = pytest.mark.anyio

BASE = "qwen3-vl-30b"
ADAPTERS = {"invoices": "Total: 12.", "receipts": "Paid."}
ENGINE = {"kind": "scripted", "answer": "Hello.", "adapters": ADAPTERS}


def settings(cache: str = "none", **models: Any) -> Settings:
    return Settings(
        models={BASE: {"engine": ENGINE}, **models},
        cache=CacheSettings(url=cache),
        state=StateSettings(url="none"),
        safety=SafetySettings(classify_images=False),
    )


def engine() -> Any:
    return scripted("Hello.", adapters=ADAPTERS)


def chat(model: str, **rest: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "What?"}], **rest}


async def said(client: httpx.AsyncClient, model: str, path: str = "/v1/chat/completions") -> str:
    reply = await client.post(path, json=chat(model, temperature=0))
    assert reply.json()["model"] == model, reply.text
    return str(reply.json()["choices"][0]["message"]["content"])


async def test_each_name_answers_as_itself_and_is_listed_with_its_parent(gateway: Gateway) -> None:
    async with gateway(engine(), settings()) as client:
        assert [await said(client, name) for name in (BASE, *ADAPTERS)] == ["Hello.", *ADAPTERS.values()]
        sdk = openai.AsyncOpenAI(base_url="http://gateway/v1", api_key="none", http_client=client)
        listed = {model.id: getattr(model, "parent", None) for model in (await sdk.models.list()).data}
        assert listed == {BASE: None, "invoices": BASE, "receipts": BASE}
        assert (await sdk.models.retrieve("invoices")).id == "invoices"
        google = await client.get("/v1beta/models")
        assert "models/invoices" in [model["name"] for model in google.json()["models"]]


async def test_every_way_to_name_a_model_takes_an_adapters_name(gateway: Gateway) -> None:
    async with gateway(engine(), settings()) as client:
        assert await said(client, "invoices", "/m/invoices/v1/chat/completions") == "Total: 12."
        body = {"contents": [{"role": "user", "parts": [{"text": "What?"}]}]}
        google = await client.post("/v1beta/models/invoices:generateContent", json=body)
        assert google.json()["candidates"][0]["content"]["parts"][0]["text"] == "Total: 12."
        task = {"task": "vqa", "model": "receipts", "images": [], "text": "What?"}
        assert (await client.post("/infer", json=task)).status_code == 400  # vqa needs an image
        other = await client.post("/m/invoices/v1/chat/completions", json=chat("receipts"))
        unknown = await client.post("/v1/chat/completions", json=chat("bills"))
    assert (other.status_code, unknown.status_code) == (404, 404)
    assert unknown.json()["error"]["code"] == "model_not_found"


async def test_an_answer_of_one_adapter_is_never_given_for_another(gateway: Gateway) -> None:
    asked = engine()
    async with gateway(asked, settings(cache="embedded")) as client:
        for _ in range(2):
            assert [await said(client, name) for name in (BASE, *ADAPTERS)] == ["Hello.", *ADAPTERS.values()]
    assert len(asked.seen) == 3


async def test_adapters_have_no_engine_to_load_watch_or_count_of_their_own(gateway: Gateway) -> None:
    async with gateway(engine(), settings()) as client:
        assert list((await client.get("/ready")).json()["models"]) == [BASE]
        metrics = (await client.get("/metrics")).text
    assert f'gateway_engine_slots{{lane="all",model="{BASE}"}}' in metrics
    assert 'gateway_engine_slots{lane="all",model="invoices"}' not in metrics


async def test_an_adapters_revision_follows_its_files(tmp_path: Any) -> None:
    def revision() -> str:
        config = {BASE: {"engine": {"kind": "vllm", "adapters": {"invoices": str(tmp_path)}}}}
        return build_models(Settings(models=config)).get("invoices").revision

    before = revision()
    assert revision() == before
    (tmp_path / "adapter_config.json").write_text("{}")
    assert revision() != before


async def test_an_adapter_is_served_by_those_who_stand_in_for_its_model(gateway: Gateway) -> None:
    small = {"engine": {"kind": "scripted", "answer": "Small."}}
    models = {BASE: {"engine": ENGINE, "fallback": "small"}, "small": small}
    full = scripted("Hello.", adapters=ADAPTERS, max_running=1)
    full.fail_with = Overloaded("The model is busy.")
    engines = {BASE: full, "small": scripted("Small.", "small")}
    async with gateway(engines, settings(**models)) as client:
        reply = await client.post("/v1/chat/completions", json=chat("invoices"))
        alone = await client.post(
            "/v1/chat/completions", json=chat("invoices"), headers={"X-Allow-Degraded": "false"}
        )
    assert reply.json()["choices"][0]["message"]["content"] == "Small."
    assert reply.headers["x-degraded"]
    assert alone.status_code == 503


@pytest.mark.parametrize(
    ("models", "names"),
    [
        ({"invoices": {"engine": {"kind": "scripted"}}}, "given twice: invoices"),
        ({"other": {"engine": ENGINE}}, "given twice: invoices, receipts"),
        ({BASE: {"engine": ENGINE, "fallback": "invoices"}}, "go round in a circle"),
        (
            {BASE: {"engine": ENGINE, "pools": {"batch": {"kind": "scripted"}}}},
            "the pool of the lane batch has other adapters than the engine",
        ),
    ],
)
def test_adapters_that_do_not_fit_stop_the_start(models: dict[str, Any], names: str) -> None:
    with pytest.raises(ValidationError, match=names):
        settings(**models)
