"""DashScope's asynchronous convention."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from engine.errors import GenerationFailed
from tests.conftest import Gateway
from tests.jobs.conftest import Keeps
from tests.pictures import square
from tests.scripts import scripted

PATH = "/api/v1/services/aigc/multimodal-generation/generation"
ASYNC = {"x-dashscope-async": "enable"}


def body(text: str = "Hello") -> dict[str, Any]:
    content = [{"image": square()}, {"text": text}]
    return {"model": "qwen3-vl-30b", "input": {"messages": [{"role": "user", "content": content}]}}


async def ended(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    while True:
        reply = (await client.get(f"/api/v1/tasks/{task_id}")).json()
        if reply["output"]["task_status"] not in ("PENDING", "RUNNING"):
            return dict(reply)
        await asyncio.sleep(0.05)


async def test_a_task_is_submitted_polled_and_answered(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted("red"), keeps()) as client:
        reply = await client.post(PATH, json=body(), headers=ASYNC)
        assert (reply.status_code, reply.json()["output"]["task_status"]) == (200, "PENDING")
        seen = await ended(client, reply.json()["output"]["task_id"])
        assert seen["output"]["task_status"] == "SUCCEEDED"
        assert seen["output"]["choices"][0]["message"]["content"] == [{"text": "red"}]
        assert seen["usage"]["output_tokens"] == 1
        assert {"submit_time", "scheduled_time", "end_time"} <= seen["output"].keys()


async def test_a_failed_task_says_why(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    async with gateway(engine, keeps(max_attempts=1)) as client:
        engine.fail_with = GenerationFailed("The model failed.")
        reply = await client.post(PATH, json=body(), headers=ASYNC)
        seen = await ended(client, reply.json()["output"]["task_id"])
        assert (seen["output"]["task_status"], seen["output"]["code"]) == ("FAILED", "InternalError")
        assert "code 2004" in seen["output"]["message"]


async def test_only_a_pending_task_is_cancelled(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps(workers=0)) as client:
        task_id = (await client.post(PATH, json=body(), headers=ASYNC)).json()["output"]["task_id"]
        reply = await client.post(f"/api/v1/tasks/{task_id}/cancel")
        assert reply.json()["output"]["task_status"] == "CANCELED"
        again = await client.post(f"/api/v1/tasks/{task_id}/cancel")
        assert (again.status_code, "code 1015" in again.json()["message"]) == (409, True)


async def test_other_jobs_and_streams_are_no_tasks(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        job = await client.post("/v1/jobs", json={"task": "vqa", "images": [square()], "text": "?"})
        reply = await client.get(f"/api/v1/tasks/{job.json()['id']}")
        assert (reply.status_code, "code 1014" in reply.json()["message"]) == (404, True)
        reply = await client.post(PATH, json=body(), headers=ASYNC | {"x-dashscope-sse": "enable"})
        assert (reply.status_code, reply.json()["code"]) == (400, "InvalidParameter")
