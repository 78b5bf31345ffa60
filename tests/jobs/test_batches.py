"""Batches by OpenAI's own SDK."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from engine.errors import GenerationFailed
from gateway.settings import MediaSettings
from tests.conftest import Gateway
from tests.dispatch.engines import HeldEngine
from tests.jobs.conftest import Keeps, inside
from tests.pictures import square
from tests.scripts import scripted

ENDED = ("completed", "failed", "expired", "cancelled")


def line(number: int, **fields: Any) -> dict[str, Any]:
    content = [
        {"type": "image_url", "image_url": {"url": square()}},
        {"type": "text", "text": f"Question {number}"},
    ]
    body = {"model": "qwen3-vl-30b", "messages": [{"role": "user", "content": content}]}
    asked = {"custom_id": f"q-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return asked | fields


def jsonl(*lines: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(one) for one in lines).encode()


@asynccontextmanager
async def sdk(client: httpx.AsyncClient) -> AsyncIterator[AsyncOpenAI]:
    yield AsyncOpenAI(base_url="http://gateway/v1", api_key="none", http_client=client, max_retries=0)


async def begin(api: AsyncOpenAI, data: bytes, endpoint: Any = "/v1/chat/completions") -> Any:
    file = await api.files.create(file=("in.jsonl", data), purpose="batch")
    return await api.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", metadata={"mine": "7"}
    )


async def until(api: AsyncOpenAI, batch: Any, done: Callable[[Any], bool]) -> Any:
    while not done(batch := await api.batches.retrieve(batch.id)):
        await asyncio.sleep(0.05)
    return batch


async def lines(api: AsyncOpenAI, file_id: str) -> list[dict[str, Any]]:
    text = (await api.files.content(file_id)).text
    return [json.loads(one) for one in text.splitlines()]


async def test_a_batch_from_file_to_file(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client, sdk(client) as api:
        wrong = line(2)
        wrong["body"] = {"model": "gpt-9", "messages": wrong["body"]["messages"]}
        batch = await begin(api, jsonl(line(0), line(1), wrong, line(3)))
        assert batch.status in ("validating", "in_progress")
        batch = await until(api, batch, lambda b: b.status in ENDED)
        assert batch.status == "completed"
        counts = batch.request_counts
        assert (counts.total, counts.completed, counts.failed) == (4, 3, 1)
        assert batch.metadata == {"mine": "7"}
        answers = await lines(api, batch.output_file_id)
        assert [one["custom_id"] for one in answers] == ["q-0", "q-1", "q-3"]
        for one in answers:
            said = one["response"]["body"]["choices"][0]["message"]["content"]
            assert said.endswith(f"Question {one['custom_id'][2:]}")
        (failed,) = await lines(api, batch.error_file_id)
        assert (failed["custom_id"], failed["response"]["status_code"]) == ("q-2", 404)
        assert failed["response"]["body"]["error"]["code"] == "model_not_found"
        assert [one.id async for one in api.batches.list()] == [batch.id]
        kept = [key async for key in inside(client).services.state.redis.scan_iter("{jobs}:job:*")]
        assert kept == []
        assert (await client.get("/v1/jobs")).json()["data"] == []


async def test_a_file_that_is_wrong_is_refused_line_by_line(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client, sdk(client) as api:
        data = b"\n".join(
            [
                jsonl(line(0)),
                b"{nonsense",
                jsonl(line(0)),
                jsonl(line(3, url="/v1/embeddings")),
                jsonl(line(4, method="GET")),
                jsonl(line(5, body=7)),
                jsonl(line(6, body={"$blob": "x"})),
                jsonl(line(7)).replace(b'"Question 7"', b"[" * 400 + b"]" * 400),
            ]
        )
        batch = await until(api, await begin(api, data), lambda b: b.status in ENDED)
        assert (batch.status, batch.output_file_id) == ("failed", None)
        found = [(one.line, one.code) for one in batch.errors.data]
        assert found == [
            (2, "invalid_json_line"),
            (3, "duplicate_custom_id"),
            (4, "mismatched_endpoint"),
            (5, "invalid_line"),
            (6, "invalid_line"),
            (7, "invalid_line"),
            (8, "invalid_line"),
        ]
        empty = await until(api, await begin(api, b""), lambda b: b.status in ENDED)
        assert empty.errors.data[0].code == "empty_file"


async def test_a_batch_ends_though_its_results_do_not_fit_the_tenants_files(
    gateway: Gateway, keeps: Keeps
) -> None:
    data = jsonl(line(0))
    settings = keeps(media=MediaSettings(max_files_mb=(len(data) + 50) / 1e6))
    async with gateway(scripted("word " * 50), settings) as client, sdk(client) as api:
        batch = await until(api, await begin(api, data), lambda b: b.status in ENDED)
        assert batch.status == "completed"
        assert len(await lines(api, batch.output_file_id)) == 1


async def test_a_batch_that_is_too_old_is_left_out_of_the_list(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client, sdk(client) as api:
        old, new = [await begin(api, jsonl(line(0))) for _ in range(2)]
        await until(api, old, lambda b: b.status in ENDED)
        await inside(client).services.state.redis.delete(f"{{jobs}}:batch:{old.id}")
        assert [batch.id async for batch in api.batches.list()] == [new.id]


async def test_a_batch_is_refused_for_what_is_not_there(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client, sdk(client) as api:
        with pytest.raises(openai.NotFoundError):
            await api.batches.retrieve("batch_0")
        with pytest.raises(openai.NotFoundError):
            await api.batches.create(
                input_file_id="file-0", endpoint="/v1/chat/completions", completion_window="24h"
            )
        with pytest.raises(openai.BadRequestError, match="endpoint"):
            await begin(api, jsonl(line(0)), "/v1/embeddings")
        picture = await api.files.create(file=("a.jsonl", jsonl(line(0))), purpose="vision")
        with pytest.raises(openai.BadRequestError, match="purpose"):
            await api.batches.create(
                input_file_id=picture.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
        with pytest.raises(openai.NotFoundError):
            await api.batches.cancel("batch_0")


async def test_a_cancelled_batch_gives_what_it_has(gateway: Gateway, keeps: Keeps) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(workers=1, visibility_s=0.4)) as client, sdk(client) as api:
        batch = await begin(api, jsonl(*map(line, range(4))))
        await engine.until_seen(1)
        engine.let(1)
        await engine.until_seen(2)
        assert (await api.batches.cancel(batch.id)).status == "cancelling"
        batch = await until(api, batch, lambda b: b.status in ENDED)
        assert (batch.status, batch.request_counts.completed) == ("cancelled", 1)
        assert len(await lines(api, batch.output_file_id)) == 1
        left = await lines(api, batch.error_file_id)
        assert [one["error"]["code"] for one in left] == ["batch_cancelled"] * 3


async def test_a_batch_expires_with_what_it_has(gateway: Gateway, keeps: Keeps) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(workers=1, expire_h=2 / 3600)) as client, sdk(client) as api:
        engine.let(1)
        batch = await begin(api, jsonl(*map(line, range(3))))
        batch = await until(api, batch, lambda b: b.status in ENDED)
        assert batch.status == "expired"
        assert len(await lines(api, batch.output_file_id)) == 1
        left = await lines(api, batch.error_file_id)
        assert {one["error"]["code"] for one in left if one["error"]} == {"batch_expired"}


async def test_a_batch_goes_on_where_its_process_left_it(gateway: Gateway, keeps: Keeps) -> None:
    settings = keeps(workers=2)
    engine = HeldEngine()
    async with gateway(engine, settings) as client, sdk(client) as api:
        batch = await begin(api, jsonl(*map(line, range(40))))
        engine.let(10)
        await engine.until_seen(11)
        inside(client).drain()
        await inside(client).jobs.aclose(0)
    async with gateway(scripted(), settings) as client, sdk(client) as api:
        batch = await until(api, batch, lambda b: b.status in ENDED)
        answers = await lines(api, batch.output_file_id)
        assert [one["custom_id"] for one in answers] == [f"q-{number}" for number in range(40)]


async def test_tasks_can_be_batched_and_failures_are_told(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    async with gateway(engine, keeps(max_attempts=1)) as client, sdk(client) as api:
        body = {"task": "captioning", "images": [square()]}
        engine.fail_with = GenerationFailed("The model failed.")
        data = jsonl(line(0, url="/infer", body=body))
        batch = await until(api, await begin(api, data, "/infer"), lambda b: b.status in ENDED)
        (failed,) = await lines(api, batch.error_file_id)
        assert failed["response"]["body"]["error"]["code"] == "engine_failed"
        engine.fail_with = None
        batch = await until(api, await begin(api, data, "/infer"), lambda b: b.status in ENDED)
        (good,) = await lines(api, batch.output_file_id)
        assert good["response"]["body"]["result"]["answer"]
