"""The simple chat, as its clients see it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.errors import GenerationFailed, Overloaded
from tests.conftest import Gateway
from tests.events import events
from tests.pictures import square
from tests.scripts import scripted

TEXT = {"input_type": "text_only", "text": "Hello"}


async def test_an_answer(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await client.post("/v1/chat", json=TEXT)
    body = reply.json()
    assert reply.status_code == 200
    assert body["success"] is True
    assert body["result"] == "Hi there."
    assert body["usage"]["output_tokens"] == 3
    assert body["usage"].keys() == {
        "input_tokens",
        "output_tokens",
        "inference_time_ms",
        "gpu_memory_used_gb",
    }
    assert body["request_id"] == reply.headers["x-request-id"]


async def test_a_stream(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await client.post("/v1/chat/stream", json=TEXT)
    *chunks, last = [data for _, data in events(reply.text)]
    assert "".join(chunk["chunk"] for chunk in chunks) == "Hi there."
    assert not any(chunk["done"] for chunk in chunks)
    assert (last["chunk"], last["done"]) == ("", True)
    assert last["usage"]["output_tokens"] == 3


@pytest.mark.parametrize("picture", [square("blue"), square("blue").partition(",")[2]], ids=["url", "bare"])
async def test_a_picture_alone_is_described(gateway: Gateway, picture: str) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        reply = await client.post("/v1/chat", json={"input_type": "image_only", "image_base64": picture})
    assert "Describe this image" in reply.json()["result"]
    assert engine.seen[0].media[0].frames[0].getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"input_type": "audio"}, "input_type"),
        ({"text": ""}, "text"),
        ({"text": "x" * 2049}, "text"),
        ({"max_new_tokens": 9}, "max_new_tokens"),
        ({"max_new_tokens": 2049}, "max_new_tokens"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": 1.6}, "temperature"),
        ({"input_type": "image_only"}, "image_url"),
        ({"input_type": "text_image", "image_base64": square(), "text": " "}, "text"),
        ({"input_type": "image_only", "image_base64": square(), "image_url": square()}, "image_url"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    reply = await client.post("/v1/chat", json=TEXT | change)
    body = reply.json()
    assert reply.status_code == 400
    assert body.keys() == {"success", "message", "code", "request_id"}
    assert (body["success"], body["code"]) == (False, 1000)
    assert body["message"].startswith(field)


async def test_failures_before_and_in_a_stream(gateway: Gateway) -> None:
    engine = scripted("one two three")
    async with gateway(engine) as client:
        engine.fail_with = Overloaded("The model is busy.")
        refused = await client.post("/v1/chat/stream", json=TEXT)
        engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
        broken = await client.post("/v1/chat/stream", json=TEXT)
    assert (refused.status_code, refused.json()["code"]) == (503, 2001)
    assert refused.headers["retry-after"] == "1"
    last = events(broken.text)[-1][1]
    assert last["done"] is True
    assert "code 2004" in last["error"]


async def test_its_health(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/health")).json()
    assert (body["status"], body["model_loaded"]) == ("healthy", True)
    assert body["uptime_seconds"] >= 0
    assert "gpu_memory_used_gb" in body
