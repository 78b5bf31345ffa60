"""What headers say about an answer, whatever its format."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from gateway.settings import ServerSettings
from tests.conftest import QUICK, Gateway
from tests.pictures import square

CHAT = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": square()}}]}]}
PART = {"inlineData": {"mimeType": "image/png", "data": square().partition(",")[2]}}
BLOCK = {"type": "image", "source": {"type": "url", "url": square()}}
DASH = "/api/v1/services/aigc/multimodal-generation/generation"
ITEM = {"role": "user", "content": [{"type": "input_image", "image_url": square()}]}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/infer", {"task": "captioning", "images": [square()]}),
    ("/v1/chat/completions", CHAT),
    ("/v1/responses", {"input": [ITEM]}),
    ("/v1/chat", {"input_type": "image_only", "image_url": square()}),
    ("/v1/messages", {"max_tokens": 9, "messages": [{"role": "user", "content": [BLOCK]}]}),
    ("/v1/models/qwen3-vl:generateContent", {"contents": [{"parts": [PART]}]}),
    (DASH, {"input": {"messages": [{"role": "user", "content": [{"image": square()}]}]}}),
]
STREAMS: list[tuple[str, dict[str, Any]]] = [
    ("/infer_stream", REQUESTS[0][1]),
    ("/v1/chat/completions", CHAT | {"stream": True}),
    ("/v1/responses", {"input": [ITEM], "stream": True}),
    ("/v1/chat/stream", REQUESTS[3][1]),
    ("/v1/messages", REQUESTS[4][1] | {"stream": True}),
    ("/v1/models/qwen3-vl:streamGenerateContent?alt=sse", REQUESTS[5][1]),
]


def spent(reply: httpx.Response) -> dict[str, float]:
    entries = reply.headers["server-timing"].split(", ")
    found = [re.fullmatch(r"([a-z]+);dur=([0-9.]+)", entry) for entry in entries]
    return {match[1]: float(match[2]) for match in found if match}


@pytest.mark.parametrize(("path", "body"), REQUESTS)
async def test_a_whole_answer_says_where_its_time_went(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    reply = await client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    times = spent(reply)
    assert {"media", "prepare", "queue", "total"} <= set(times)
    assert times["total"] >= max(times.values())


@pytest.mark.parametrize(("path", "body"), STREAMS)
async def test_a_stream_says_when_its_first_chunk_came(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    times = spent(await client.post(path, json=body))
    assert {"media", "prepare", "queue", "ttft"} <= set(times)


async def test_pages_of_other_origins_may_read_these_headers(gateway: Gateway) -> None:
    server = ServerSettings(cors_origins=["https://app.example"])
    async with gateway(settings=QUICK.model_copy(update={"server": server})) as client:
        body = {"task": "captioning", "images": [square()]}
        reply = await client.post("/infer", json=body, headers={"Origin": "https://app.example"})
    exposed = reply.headers["access-control-expose-headers"]
    assert "Server-Timing" in exposed
    assert "X-Cache" in exposed
