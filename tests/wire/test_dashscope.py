"""DashScope's format, asked as scripts ask it; the SDK has its turn in `tests/clients/`."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from engine.errors import GenerationFailed
from tests.conftest import Gateway
from tests.pictures import square
from tests.scripts import scripted

PATH = "/api/v1/services/aigc/multimodal-generation/generation"
STREAM = {"X-DashScope-SSE": "enable", "Accept": "text/event-stream"}


def body(*content: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": [*content, {"text": "Hello"}]}]
    return {"model": "qwen3-vl", "input": {"messages": messages}, "parameters": parameters}


def frames(text: str) -> list[tuple[list[str], Any]]:
    """The lines ahead of the data, and the data, of every frame."""
    found = []
    for frame in filter(None, text.split("\n\n")):
        *head, data = frame.split("\n")
        found.append((head, json.loads(data.removeprefix("data:"))))
    return found


async def test_an_answer_and_its_oldest_form(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await client.post(PATH, json=body({"image": square()}))
    found = reply.json()
    choice = found["output"]["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": [{"text": "Hi there."}]}
    assert choice["finish_reason"] == "stop"
    assert found["output"]["text"] == "Hi there."
    assert found["usage"]["output_tokens"] == 3
    assert found["usage"]["image_tokens"] == 4
    assert found["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(
    ("incremental", "texts"),
    [(None, ["Hi", "Hi there", "Hi there.", "Hi there."]), (True, ["Hi", " there", ".", ""])],
)
async def test_a_stream_holds_all_so_far_or_only_what_is_new(
    gateway: Gateway, incremental: bool | None, texts: list[str]
) -> None:
    async with gateway(scripted("Hi there.")) as client:
        asked = body(incremental_output=incremental)
        reply = await client.post(PATH, json=asked, headers=STREAM)
    found = frames(reply.text)
    assert [data["output"]["choices"][0]["message"]["content"][0]["text"] for _, data in found] == texts
    assert [data["output"]["choices"][0]["finish_reason"] for _, data in found] == ["null"] * 3 + ["stop"]
    assert found[0][0] == ["id:1", "event:result", ":HTTP_STATUS/200"]
    assert len({data["request_id"] for _, data in found}) == 1
    assert found[-1][1]["usage"]["output_tokens"] == 3


async def test_a_failure_in_mid_stream_has_no_space_behind_its_colon(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        reply = await client.post(PATH, json=body(), headers=STREAM)
    head, data = frames(reply.text)[-1]
    assert head == ["id:3", "event:error", ":HTTP_STATUS/500"]
    assert data["code"] == "InternalError"
    assert "code 2004" in data["message"]


async def test_errors_are_flat(client: httpx.AsyncClient) -> None:
    bad = await client.post(PATH, json=body(temperature=9))
    missing = await client.post(PATH, json=body() | {"model": "gpt-9"})
    nowhere = await client.get("/api/v1/nothing")
    assert bad.status_code == 400
    assert bad.json().keys() == {"code", "message", "request_id"}
    assert bad.json()["code"] == "InvalidParameter"
    assert bad.json()["message"].startswith("parameters.temperature")
    assert (missing.status_code, missing.json()["code"]) == (404, "ModelNotFound")
    assert nowhere.json().keys() == bad.json().keys()


async def test_a_list_of_frames_is_one_video(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        reply = await client.post(PATH, json=body({"video": [square("red"), square("blue")]}))
    assert reply.status_code == 200
    (medium,) = engine.seen[0].media
    assert (medium.kind, len(medium.frames)) == ("video", 2)


async def test_reasoning_stands_beside_the_answer(gateway: Gateway) -> None:
    async with gateway(scripted("Four.", reasoning="Two and two.")) as client:
        reply = await client.post(PATH, json=body())
    message = reply.json()["output"]["choices"][0]["message"]
    assert message["content"] == [{"text": "Four."}]
    assert message["reasoning_content"] == "Two and two."


@pytest.mark.parametrize(
    "form",
    [{"type": "xml"}, {"type": 5}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": "x"}],
    ids=str,
)
async def test_a_form_that_is_none_is_refused_as_in_every_format(
    client: httpx.AsyncClient, form: dict[str, Any]
) -> None:
    reply = await client.post(PATH, json=body(response_format=form))
    assert (reply.status_code, reply.json()["code"]) == (400, "InvalidParameter")
    assert "response_format" in reply.json()["message"]
