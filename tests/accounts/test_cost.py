"""What an answer cost, told to those who asked for it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.errors import Overloaded
from gateway.client import AsyncQwenVLClient, Cost, FinalEvent
from gateway.settings import Settings
from tests.accounts.conftest import MODEL
from tests.conftest import QUICK, Gateway
from tests.events import events
from tests.jobs.conftest import finished
from tests.pictures import square
from tests.scripts import scripted
from tests.wire.test_reply_headers import REQUESTS, STREAMS

pytestmark = pytest.mark.anyio
SMALL = "qwen2.5-vl-7b"
ASKED = {"task": "captioning", "images": [square()]}
INPUT, OUTPUT = 2, 10
"""Dollars for a million tokens."""


def settings(base: Settings = QUICK, **accounts: Any) -> Settings:
    prices = {MODEL: {"input": INPUT, "output": OUTPUT}, SMALL: {"output": 1}}
    own = Settings(accounts={"prices": prices, **accounts}).accounts
    return base.model_copy(update={"accounts": own})


def worth(usage: Any) -> float:
    return (usage["input_tokens"] * INPUT + usage["output_tokens"] * OUTPUT) / 1e6


async def test_an_answer_a_stream_and_a_job_say_what_they_cost(gateway: Gateway) -> None:
    keeps = Settings(cache={"url": "none"}, safety={"classify_images": False})
    async with gateway(scripted("Two circles."), settings(keeps, currency="EUR")) as client:
        whole = (await client.post("/infer", json=ASKED)).json()["result"]["metadata"]
        final = events((await client.post("/infer_stream", json=ASKED)).text)[-1][1]["metadata"]
        job = await finished(client, (await client.post("/v1/jobs", json=ASKED)).json())
    for metadata in (whole, final, job["result"]["metadata"]):
        assert metadata["cost"] == {"amount": pytest.approx(worth(metadata)), "currency": "EUR"}


async def test_a_document_costs_what_its_pages_and_their_summary_cost(gateway: Gateway) -> None:
    document = {"task": "doc_analyze", "images": [square(), square("blue")]}
    async with gateway(scripted("Nothing."), settings()) as client:
        metadata = (await client.post("/infer", json=document)).json()["result"]["metadata"]
    assert metadata["cost"]["amount"] == pytest.approx(worth(metadata))


@pytest.mark.parametrize(("path", "body"), REQUESTS)
async def test_whole_answers_of_every_format_have_it_in_a_header(
    gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    async with gateway(scripted("Two circles."), settings()) as client:
        reply = await client.post(path, json=body)
    amount, currency = reply.headers["x-cost"].split(" ")
    assert (float(amount) > 3 * OUTPUT / 1e6, currency) == (True, "USD")


@pytest.mark.parametrize(("path", "body"), STREAMS)
async def test_the_headers_of_a_stream_go_out_too_early_for_it(
    gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    async with gateway(scripted("Two circles."), settings()) as client:
        reply = await client.post(path, json=body)
    assert reply.status_code == 200
    assert "x-cost" not in reply.headers


async def test_where_nothing_has_a_price_nothing_is_said_of_it(client: httpx.AsyncClient) -> None:
    reply = await client.post("/infer", json=ASKED)
    assert "cost" not in reply.json()["result"]["metadata"]
    assert "x-cost" not in reply.headers


@pytest.mark.parametrize("share", [0, 0.5])
async def test_a_kept_answer_costs_its_share(gateway: Gateway, share: float) -> None:
    own = settings(Settings(state={"url": "none"}, safety={"classify_images": False}), cached_price=share)
    async with gateway(scripted("Two circles."), own) as client:
        first, again = [await client.post("/infer", json=ASKED) for _ in range(2)]
    assert again.headers["x-cache"] == "hit"
    cost = [reply.json()["result"]["metadata"]["cost"]["amount"] for reply in (first, again)]
    assert cost == [pytest.approx(worth(first.json()["result"]["metadata"])), pytest.approx(cost[0] * share)]
    if not share:
        assert again.headers["x-cost"] == "0 USD"


async def test_a_degraded_answer_costs_what_its_model_does(gateway: Gateway) -> None:
    large, small = scripted(), scripted("one two three", SMALL)
    large.fail_with = Overloaded("The model is busy.")
    engine = {"kind": "scripted"}
    models = Settings(models={MODEL: {"engine": engine, "fallback": SMALL}, SMALL: {"engine": engine}})
    own = settings(QUICK.model_copy(update={"models": models.models}), degraded_price=0.5)
    async with gateway({MODEL: large, SMALL: small}, own) as client:
        metadata = (await client.post("/infer", json=ASKED)).json()["result"]["metadata"]
    assert metadata["degraded"] is True
    assert metadata["cost"]["amount"] == pytest.approx(metadata["output_tokens"] / 1e6 * 0.5)


async def test_the_sdk_has_it_typed(gateway: Gateway) -> None:
    async with gateway(scripted("Two circles."), settings()) as http:
        sdk = AsyncQwenVLClient("http://gateway", http_client=http, tries=1)
        answer = await sdk.ask(square(), task="captioning")
        async with await sdk.ask(square(), task="captioning", stream=True) as stream:
            last = [event async for event in stream][-1]
    assert isinstance(last, FinalEvent)
    assert isinstance(answer.metadata.cost, Cost)
    assert answer.metadata.cost == last.answer.metadata.cost
    assert answer.metadata.cost.currency == "USD"
