"""The smaller model under overload."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from engine.base import Health
from engine.config import ScriptedConfig
from engine.errors import ContextTooLong, EngineUnavailable, GenerationFailed, Overloaded
from engine.scripted import ScriptedEngine
from engine.types import ChatChunk, ChatRequest
from gateway.errors import Overload
from gateway.lanes.gate import Attempt
from gateway.runtime.breaker import Breaker
from gateway.settings import Settings, SettingsError, load_settings
from tests.conftest import scripted_gateway
from tests.dispatch.engines import HeldEngine
from tests.dispatch.house import call, house
from tests.events import events
from tests.pictures import square

pytestmark = pytest.mark.anyio

LARGE, SMALL = "qwen3-vl-30b", "qwen2.5-vl-7b"
ONE_SLOT = {"kind": "scripted", "max_running": 1}
NO_QUEUE = {"reserved": 0.25, "queue": 0, "max_wait_s": 1}


def settings(**more: Any) -> dict[str, Any]:
    """One slot and no queue for each of two models."""
    return {
        "models": {LARGE: {"engine": ONE_SLOT, "fallback": SMALL}, SMALL: {"engine": ONE_SLOT}},
        "cache": {"url": "none"},
        "lanes": {"interactive": NO_QUEUE, "batch": NO_QUEUE, "video": NO_QUEUE},
        **more,
    }


def engines() -> tuple[HeldEngine, HeldEngine]:
    return HeldEngine(LARGE), HeldEngine(SMALL)


async def test_a_full_lane_moves_the_request_to_the_smaller_model() -> None:
    large, small = engines()
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        first, second = call("first"), call("second")
        running = [gateway.begin(first)]
        await large.until_seen(1)
        running.append(gateway.begin(second))
        await small.until_seen(1)
        small.let(1)
        large.let(1)
        replies = await asyncio.gather(*running)
    assert [reply.model for reply in replies] == [LARGE, SMALL]
    assert (first.notes.degraded, second.notes.degraded) == (None, "queue_full")
    assert gateway.metric("gateway_degraded_total", model=SMALL, lane="interactive", reason="queue_full") == 1


async def test_when_both_are_full_it_is_an_honest_refusal() -> None:
    large, small = engines()
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        running = [gateway.begin(call("first"))]
        await large.until_seen(1)
        running.append(gateway.begin(call("second")))
        await small.until_seen(1)
        third = call("third")
        with pytest.raises(Overload) as refused:
            await gateway.ask(third)
        assert refused.value.retry_after
        assert third.notes.degraded is None
        for engine in (large, small):
            engine.let(1)
        await asyncio.gather(*running)


class Short(ScriptedEngine):
    """A model whose context is too short for any request."""

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        raise ContextTooLong(10)
        yield  # a generator


async def test_what_only_the_smaller_model_cannot_do_is_overload_all_the_same() -> None:
    large, small = HeldEngine(LARGE), Short(SMALL, ScriptedConfig(kind="scripted"))
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        running = gateway.begin(call("first"))
        await large.until_seen(1)
        second = call("second")
        with pytest.raises(Overload) as refused:
            await gateway.ask(second)
        assert refused.value.reason == "queue_full"
        assert (len(small.seen), second.notes.degraded) == (1, None)
        large.let(1)
        await running


async def test_who_wants_no_smaller_model_is_refused_instead() -> None:
    large, small = engines()
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        running = gateway.begin(call("first"))
        await large.until_seen(1)
        with pytest.raises(Overload):
            await gateway.ask(call("second", allow_degraded=False))
        assert small.seen == []
        large.let(1)
        await running


async def test_a_task_may_rule_the_smaller_model_out() -> None:
    large, small = engines()
    policy = {"tasks": {"chart_parse": {"allow_degraded": False}}}
    async with house({LARGE: large, SMALL: small}, **settings(**policy)) as gateway:
        running = gateway.begin(call("first"))
        await large.until_seen(1)
        with pytest.raises(Overload):
            await gateway.ask(call("second", task="chart_parse"))
        large.let(1)
        await running


class Strained(ScriptedEngine):
    """Reports whatever the test wants to hear about its KV cache."""

    kv_usage = 0.0

    def health(self) -> Health:
        return Health(ready=self._ready, kv_usage=self.kv_usage)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Overloaded("The model is busy."), "engine_busy"),
        (EngineUnavailable("The model's server cannot be reached."), "unhealthy"),
    ],
)
async def test_an_engine_that_refuses_before_the_first_chunk_is_stood_in_for(
    trouble: Exception, reason: str
) -> None:
    large, small = engines()
    large.fail_with = trouble
    large.let(1)
    small.let(1)
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        asked = call(stream=True)
        reply = await gateway.ask(asked)
    assert (reply.model, asked.notes.degraded) == (SMALL, reason)


async def test_a_nearly_full_kv_cache_is_overload() -> None:
    large = Strained(LARGE, ScriptedConfig(kind="scripted"))
    large.kv_usage = 0.99
    small = HeldEngine(SMALL)
    small.let(1)
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        asked = call()
        await gateway.ask(asked)
    assert asked.notes.degraded == "kv_cache"


async def test_little_host_memory_is_overload() -> None:
    large, small = engines()
    overload = {"overload": {"min_free_memory_mb": 1e12}}
    async with house({LARGE: large, SMALL: small}, **settings(**overload)) as gateway:
        with pytest.raises(Overload) as refused:
            await gateway.ask(call())
    assert refused.value.reason == "host_memory"


async def test_an_answer_that_has_begun_is_not_continued_by_another_model() -> None:
    large, small = engines()
    large.fail_with, large.fail_after = EngineUnavailable("The model's server broke off."), 2
    large.let(1)
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        heard = 0
        with pytest.raises(EngineUnavailable):
            async with gateway.listen(call(stream=True)) as chunks:
                async for _ in chunks:
                    heard += 1
    assert heard == 2
    assert small.seen == []


@pytest.mark.parametrize(
    ("streamed", "waited_s", "state"), [(True, 60, "open"), (True, 6, "closed"), (False, 60, "closed")]
)
def test_only_a_stream_without_a_chunk_tells_that_an_engine_hangs(
    streamed: bool, waited_s: float, state: str
) -> None:
    """An answer that is not streamed has its only chunk at its end, and may just be long; a client may be in
    a hurry."""
    breaker = Breaker(failures=1, reset_s=5)
    now = time.monotonic()
    attempt = Attempt(breaker, lambda: now - 1, 15, streamed=streamed)
    attempt._began = now - waited_s
    with pytest.raises(asyncio.CancelledError), attempt:
        raise asyncio.CancelledError
    assert breaker.state == state


async def test_the_breaker_opens_probes_once_and_closes() -> None:
    large, small = engines()
    breaker = {"overload": {"breaker_failures": 2, "breaker_reset_s": 0.2}}
    async with house({LARGE: large, SMALL: small}, **settings(**breaker)) as gateway:
        small.let(1)
        large.fail_with = GenerationFailed("The model failed on this request.")
        large.let(2)
        for _ in range(2):
            with pytest.raises(GenerationFailed):
                await gateway.ask(call())
        assert (await gateway.ask(call())).model == SMALL
        assert len(large.seen) == 2, "an open breaker lets nobody through"

        large.fail_with = None
        models = []
        while LARGE not in models:  # half-open after 0.2 s: one request tries the large model
            large.let(1)
            small.let(1)
            models.append((await gateway.ask(call())).model)
        large.let(3)
        assert (await gateway.ask(call())).model == LARGE, "and closed again"


async def test_only_one_request_at_a_time_tries_an_engine_that_may_be_back() -> None:
    now = [0.0]
    breaker = Breaker(failures=1, reset_s=5, clock=lambda: now[0])
    assert breaker.enter()
    breaker.failed()
    assert (breaker.state, breaker.enter(), breaker.retry_after) == ("open", False, 5)
    now[0] = 5
    assert breaker.state == "half-open"
    assert breaker.enter()
    assert not breaker.enter()
    breaker.abandoned()
    assert breaker.enter(), "the client of the first probe has left: the next one may try"
    breaker.failed()
    assert breaker.state == "open"
    now[0] = 10
    assert breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"


async def test_while_the_large_model_is_down_the_gateway_stays_ready_on_the_smaller_one() -> None:
    large, small = engines()
    small.let(1)
    async with house({LARGE: large, SMALL: small}, **settings()) as gateway:
        models = gateway.services.models
        large.down = True
        assert models.ready
        assert not models.dead
        small.down = True
        assert not models.ready


async def test_degraded_answers_are_not_kept() -> None:
    large, small = engines()
    large.fail_with = Overloaded("The model is busy.")
    large.let(2)
    small.let(2)
    async with house({LARGE: large, SMALL: small}, **settings(cache={})) as gateway:
        for _ in range(2):
            asked = call()
            await gateway.ask(asked)
            assert (asked.notes.cache, asked.notes.degraded) == ("miss", "engine_busy")
    assert len(small.seen) == 2


async def test_a_degraded_answer_says_so_in_every_format() -> None:
    large = ScriptedEngine(LARGE, ScriptedConfig(kind="scripted"))
    large.fail_with = Overloaded("The model is busy.")
    small = ScriptedEngine(SMALL, ScriptedConfig(kind="scripted", answer="a small answer"))
    body = {"task": "captioning", "images": [square()]}
    chat = {"messages": [{"role": "user", "content": "Hello"}]}
    async with scripted_gateway({LARGE: large, SMALL: small}, Settings(**settings())) as client:
        whole = await client.post("/infer", json=body)
        streamed = await client.post("/infer_stream", json=body)
        openai = await client.post("/v1/chat/completions", json=chat)
        refused = await client.post("/infer", json=body | {"options": {"allow_degraded": False}})
        by_header = await client.post(
            "/v1/chat/completions", json=chat, headers={"x-allow-degraded": "false"}
        )
    final = events(streamed.text)[-1][1]
    for reply, envelope, metadata in (
        (whole, whole.json(), whole.json()["result"]["metadata"]),
        (streamed, final, final["metadata"]),
    ):
        assert (reply.status_code, reply.headers["x-degraded"], envelope["code"]) == (200, "2001", 2001)
        assert "smaller" in envelope["msg"]
        assert (metadata["degraded"], metadata["model"]) == (True, SMALL)
    assert (openai.status_code, openai.headers["x-degraded"]) == (200, "2001")
    assert openai.json()["model"] == SMALL
    assert (refused.status_code, refused.json()["code"], refused.json()["result"]) == (503, 2001, None)
    assert int(refused.headers["retry-after"]) >= 1
    assert by_header.status_code == 503
    assert "(code 2001)" in by_header.json()["error"]["message"]


@pytest.mark.parametrize(
    "models",
    [
        {"a": {"fallback": "nobody"}},
        {"a": {"fallback": "b"}, "b": {"fallback": "a"}},
    ],
)
def test_fallbacks_that_lead_nowhere_are_refused_at_the_start(models: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="fallback"):
        load_settings(flags={"models": models})
