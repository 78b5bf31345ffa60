"""One model alone, below `/m/{model}`."""

import httpx

from gateway.settings import Settings
from tests.conftest import Gateway

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
TWO = {"a": {"engine": {"kind": "scripted"}}, "b": {"engine": {"kind": "scripted"}, "aliases": ["bee"]}}


async def test_only_its_own_model_is_there(gateway: Gateway) -> None:
    async with gateway(settings=Settings(models=TWO)) as client:
        unnamed = await client.post("/m/b/v1/chat/completions", json=CHAT)
        named = await client.post("/m/b/v1/chat/completions", json=CHAT | {"model": "bee"})
        other = await client.post("/m/b/v1/chat/completions", json=CHAT | {"model": "a"})
        listed = await client.get("/m/b/v1/models")
        unlisted = await client.get("/m/b/v1/models/a")
    assert unnamed.json()["object"] == named.json()["object"] == "chat.completion"
    assert (other.status_code, other.json()["error"]["code"]) == (404, "model_not_found")
    assert [model["id"] for model in listed.json()["data"]] == ["b", "bee"]
    assert unlisted.status_code == 404


async def test_errors_keep_the_shape_of_their_format(client: httpx.AsyncClient) -> None:
    gemini = await client.post("/m/nope/v1beta/models/x:generateContent", json={"contents": [{}]})
    simple = await client.post("/m/nope/v1/chat", json={"input_type": "text_only", "text": "Hi"})
    missing = await client.get("/m/nope/v1/nothing")
    assert gemini.json()["error"]["status"] == "NOT_FOUND"
    assert simple.json()["code"] == 1006
    assert missing.json()["error"]["code"] == "not_found"


async def test_the_models_of_one_that_is_not_served_are_404(client: httpx.AsyncClient) -> None:
    openai = await client.get("/m/nope/v1/models")
    gemini = await client.get("/m/nope/v1beta/models")
    assert (openai.status_code, openai.json()["error"]["code"]) == (404, "model_not_found")
    assert (gemini.status_code, gemini.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert all("(code 1006)" in reply.json()["error"]["message"] for reply in (openai, gemini))
