"""The cache as a client sees it, on a real Valkey."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.cache.factory import EmbeddedStore
from gateway.call import CacheControl
from gateway.settings import Settings, SettingsError
from gateway.stores.embedded import EmbeddedValkey
from tests.conftest import Gateway
from tests.dispatch.house import House, call, house
from tests.events import events
from tests.pictures import square

pytestmark = pytest.mark.anyio

NO_MEMORY = {"memory_ttl_s": 0}


def scripted(**config: Any) -> ScriptedEngine:
    return ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", **config))


def task(**options: Any) -> dict[str, Any]:
    return {"task": "vqa", "images": [square()], "text": "Which colour?", "options": options}


def chat(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello"}], **fields}


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    await server.start()
    yield server
    await server.aclose()


async def stored(gateway: House) -> None:
    await gateway.services.answers.settled()


async def test_the_second_time_is_a_hit_with_its_age_and_usage(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine, Settings()) as client:
        first, second = [await client.post("/infer", json=task()) for _ in range(2)]
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit")
    assert "age" not in first.headers
    assert second.headers["age"] == "0"
    assert second.json()["result"]["answer"] == first.json()["result"]["answer"]
    assert second.json()["result"]["confidence"] == first.json()["result"]["confidence"]
    assert second.json()["request_id"] == second.headers["x-request-id"] != first.json()["request_id"]
    assert len(engine.seen) == 1


async def test_a_hit_is_replayed_as_a_stream_of_tokens(gateway: Gateway) -> None:
    async with gateway(scripted(), Settings()) as client:
        whole = await client.post("/infer", json=task())
        streamed = await client.post("/infer_stream", json=task())
    assert streamed.headers["x-cache"] == "hit"
    frames = events(streamed.text)
    tokens = [data["token"] for name, data in frames if name == "token"]
    assert len(tokens) > 3
    assert "".join(tokens) == whole.json()["result"]["answer"] == frames[-1][1]["answer"]


async def test_a_kept_stream_answers_a_whole_request_with_cached_tokens(gateway: Gateway) -> None:
    async with gateway(scripted(), Settings()) as client:
        await client.post("/v1/chat/completions", json=chat(temperature=0, stream=True))
        reply = await client.post("/v1/chat/completions", json=chat(temperature=0))
    usage = reply.json()["usage"]
    assert reply.headers["x-cache"] == "hit"
    assert usage["prompt_tokens_details"]["cached_tokens"] == usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0


@pytest.mark.parametrize(
    ("fields", "headers", "kept"),
    [
        ({"temperature": 0}, {}, True),
        ({"seed": 7}, {}, True),
        ({}, {}, False),
        ({"temperature": 0.7}, {}, False),
        ({"temperature": 0.7}, {"cache-control": "max-age=60"}, True),
        ({"temperature": 0}, {"cache-control": "no-store"}, False),
    ],
)
async def test_openai_chats_are_kept_when_deterministic_or_asked_for(
    gateway: Gateway, fields: dict[str, Any], headers: dict[str, str], kept: bool
) -> None:
    engine = scripted()
    async with gateway(engine, Settings()) as client:
        replies = [
            await client.post("/v1/chat/completions", json=chat(**fields), headers=headers) for _ in range(2)
        ]
    uses = [reply.headers["x-cache"] for reply in replies]
    assert uses == (["miss", "hit"] if kept else ["bypass", "bypass"])
    assert len(engine.seen) == (1 if kept else 2)


async def test_requests_steer_with_cache_control(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine, Settings()) as client:

        async def ask(control: str) -> str:
            reply = await client.post("/infer", json=task(), headers={"cache-control": control})
            return reply.headers["x-cache"]

        assert await ask("no-store") == "bypass"
        assert await ask("") == "miss", "no-store has kept nothing"
        assert await ask("no-cache") == "bypass"
        assert await ask("max-age=0") == "bypass"
        assert await ask("max-age=100") == "hit"
        assert len(engine.seen) == 4


async def test_no_cache_refreshes_the_kept_answer() -> None:
    engine = scripted()
    async with house(engine) as gateway:
        await gateway.ask(call())
        before = time.time()
        await gateway.ask(call(cache_control=CacheControl(no_cache=True)))
        again = call()
        await gateway.ask(again)
        assert again.notes.cache == "hit"
        assert again.notes.age is not None
        assert again.notes.age <= time.time() - before


async def test_a_hit_decodes_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway(scripted(), Settings()) as client:
        await client.post("/infer", json=task())
        monkeypatch.setattr("gateway.media.image.prepare", None)  # decoding anything would fail now
        hit = await client.post("/infer", json=task())
    assert (hit.status_code, hit.headers["x-cache"]) == (200, "hit")


async def test_two_tenants_share_only_where_the_setting_says_so() -> None:
    for scope, use in (("tenant", "miss"), ("shared", "hit")):
        async with house(scripted(), cache={"scope": scope}) as gateway:
            await gateway.ask(call(tenant="one"))
            other = call(tenant="two")
            await gateway.ask(other)
            assert other.notes.cache == use


async def test_a_task_may_have_its_own_time_and_scope() -> None:
    settings = {
        "tasks": {"vqa": {"cache_ttl_s": 0}, "captioning": {"cache_scope": "shared"}},
    }
    async with house(scripted(), **settings) as gateway:
        uses = []
        for name, tenant in (("vqa", "one"), ("vqa", "one"), ("captioning", "one"), ("captioning", "two")):
            asked = call(task=name, tenant=tenant)
            await gateway.ask(asked)
            uses.append(asked.notes.cache)
    assert uses == ["bypass", "bypass", "miss", "hit"]


async def test_an_unknown_task_in_the_settings_is_named() -> None:
    with pytest.raises(SettingsError, match="vqaa"):
        async with house(scripted(), tasks={"vqaa": {}}):
            pass


async def test_answers_survive_a_restart_of_the_gateway(tmp_path: Path) -> None:
    server = {"data_dir": tmp_path}
    async with house(scripted(), server=server) as gateway:
        await gateway.ask(call())
    async with house(scripted(), server=server) as gateway:
        again = call()
        await gateway.ask(again)
        assert again.notes.cache == "hit"
        assert gateway.metric("gateway_cache_lookups_total", result="store") == 1


async def test_two_gateways_share_a_store_by_address(valkey: EmbeddedValkey) -> None:
    cache = {"url": valkey.url}
    async with house(scripted(), cache=cache) as one, house(scripted(), cache=cache) as other:
        await one.ask(call())
        await stored(one)
        again = call()
        await other.ask(again)
        assert again.notes.cache == "hit"


async def test_a_corrupt_value_is_a_miss_and_counted(valkey: EmbeddedValkey) -> None:
    engine = scripted()
    async with house(engine, cache={"url": valkey.url, **NO_MEMORY}) as gateway:
        await gateway.ask(call())
        await stored(gateway)
        redis = Redis.from_url(valkey.url)
        (key,) = await redis.keys("*")
        await redis.set(key, b"\x01 no answer at all")
        await gateway.ask(call())
        assert len(engine.seen) == 2
        assert gateway.metric("gateway_cache_errors_total", what="damaged") == 1
        await redis.aclose()


async def test_without_a_cache_every_request_reaches_the_engine() -> None:
    engine = scripted()
    async with house(engine, cache={"url": "none"}) as gateway:
        asked = [call(), call()]
        for one in asked:
            await gateway.ask(one)
    assert [one.notes.cache for one in asked] == ["bypass", "bypass"]
    assert len(engine.seen) == 2


async def test_killing_valkey_under_load_fails_nobody_and_hits_return() -> None:
    engine = scripted()
    cache = {**NO_MEMORY, "breaker_reset_s": 0.1}
    async with house(engine, cache=cache) as gateway:
        store = gateway.services.answers.store
        assert isinstance(store, EmbeddedStore)
        stop = asyncio.Event()
        uses: list[str | None] = []

        async def caller(name: int) -> None:
            while not stop.is_set():
                asked = call(f"question {name}")
                await gateway.ask(asked)
                uses.append(asked.notes.cache)
                await asyncio.sleep(0)

        async def until(use: str) -> None:
            seen = len(uses)
            async with asyncio.timeout(20):
                while use not in uses[seen:]:
                    await asyncio.sleep(0.01)

        callers = [asyncio.create_task(caller(number)) for number in range(8)]
        await until("hit")
        store.server.kill()
        await until("miss")
        await until("hit")
        stop.set()
        await asyncio.gather(*callers)  # raises if any request failed
        assert gateway.metric("gateway_cache_errors_total", what="read") >= 1


async def test_a_store_that_hangs_costs_little_and_then_nothing(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await never.wait()
        writer.close()

    path = tmp_path / "hang.sock"
    async with await asyncio.start_unix_server(hang, path):
        cache = {"url": f"unix://{path}", "timeout_ms": 50, "breaker_failures": 2, "breaker_reset_s": 60}
        async with house(scripted(), cache=cache | NO_MEMORY) as gateway:
            took = []
            for number in range(6):
                began = time.monotonic()
                await gateway.ask(call(f"question {number}"))
                took.append(time.monotonic() - began)
            assert took[0] >= 0.05
            assert took[-1] < 0.05, "the breaker is open: the store is not even asked"
            never.set()


async def test_refusals_and_cut_off_streams_are_not_kept() -> None:
    engine = scripted()
    async with house(engine) as gateway:
        async with gateway.listen(call(stream=True)) as events:
            await anext(events)
        engine.fail_with, engine.fail_after = RuntimeError("broken"), 2
        with pytest.raises(RuntimeError):
            await gateway.ask(call(stream=True))
        engine.fail_with = None
        asked = call()
        await gateway.ask(asked)
        assert asked.notes.cache == "miss"


def test_the_settings_of_the_cache_are_described() -> None:
    for name, field in type(Settings().cache).model_fields.items():
        assert field.description, name


async def test_stats_and_purge_by_the_command_line(valkey: EmbeddedValkey) -> None:
    async with house(scripted(), cache={"url": valkey.url, **NO_MEMORY}) as gateway:
        for number in range(3):
            await gateway.ask(call(f"question {number}"))
        await stored(gateway)
        env = {"QWEN_VL_CACHE__URL": valkey.url}
        assert "3 answers" in await _run("cache", "stats", env=env)
        assert "3 answers" in await _run("cache", "purge", env=env)
        asked = call("question 1")
        await gateway.ask(asked)
        assert asked.notes.cache == "miss"


async def _run(*words: str, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway.cli", *words, env=os.environ | env, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()
