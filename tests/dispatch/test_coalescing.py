"""Identical requests in flight run once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing

import pytest

from engine.errors import GenerationFailed
from engine.types import ChatChunk, Sampling
from gateway.call import CacheControl, Event
from tests.dispatch.engines import HeldEngine
from tests.dispatch.house import call, house, settle

pytestmark = pytest.mark.anyio

MEMORY_ONLY = {"cache": {"url": "unix:///nowhere/valkey.sock"}}


def text(event: Event) -> str:
    assert isinstance(event, ChatChunk)
    return "".join(choice.content for choice in event.choices)


async def test_two_hundred_identical_requests_run_the_engine_once() -> None:
    engine = HeldEngine()
    async with house(engine) as gateway:
        callers = [call("What is in the picture?") for _ in range(200)]
        asked = [gateway.begin(caller) for caller in callers]
        await engine.until_seen(1)
        engine.let(200)
        replies = await asyncio.gather(*asked)
    assert len(engine.seen) == 1
    assert {reply.first.content for reply in replies} == {replies[0].first.content}
    uses = Counter(caller.notes.cache for caller in callers)
    assert uses["miss"] == 1
    assert uses["coalesced"] + uses["hit"] == 199


async def test_a_stampede_on_a_fast_engine_runs_it_once_too() -> None:
    engine = HeldEngine()
    engine.let(200)
    async with house(engine) as gateway:
        await asyncio.gather(*(gateway.begin(call()) for _ in range(200)))
    assert len(engine.seen) == 1


async def test_a_late_joiner_gets_the_tokens_so_far_at_once() -> None:
    engine = HeldEngine(each=True, answer="one two three four")
    async with house(engine, **MEMORY_ONLY) as gateway, gateway.listen(call(stream=True)) as first:
        engine.let(2)
        heard = [text(await anext(first)), text(await anext(first))]
        async with gateway.listen(call(stream=True)) as second:
            assert [text(await anext(second)), text(await anext(second))] == heard
            engine.let(2)
            assert [text(event) async for event in first] == [" three", " four"]
            assert [text(event) async for event in second] == [" three", " four"]
    assert len(engine.seen) == 1


async def test_one_client_leaving_does_not_end_it_for_the_others() -> None:
    engine = HeldEngine(each=True, answer="one two three")
    async with house(engine, **MEMORY_ONLY) as gateway:
        async with gateway.listen(call(stream=True)) as first:
            engine.let(1)
            await anext(first)
            other = call(stream=True)
            second = gateway.begin(other)
            await settle()
            assert other.notes.cache == "coalesced"
        engine.let(2)
        assert (await second).first.content == "one two three"
        assert engine.aborted == []
        assert other.notes.cache == "miss", "it pays for the run, since who began it has left"


async def test_who_began_a_run_pays_for_it_whole_though_it_reads_no_further() -> None:
    engine = HeldEngine(each=True, answer="one two three")
    async with house(engine, **MEMORY_ONLY) as gateway:
        slow, other = call(stream=True), call(stream=True)
        async with aclosing(await gateway.handler(slow)) as events:
            engine.let(1)
            await anext(events)
            second = gateway.begin(other)
            await settle()
            engine.let(2)
            await second
        assert (slow.notes.cache, other.notes.cache) == ("miss", "coalesced")
        assert slow.notes.last is not None
        assert slow.notes.last.usage is not None
        assert slow.notes.last.usage.completion_tokens == 3


async def test_the_last_client_leaving_ends_the_run() -> None:
    engine = HeldEngine(each=True, answer="one two three")
    async with house(engine, **MEMORY_ONLY) as gateway:
        async with gateway.listen(call(stream=True)) as first, gateway.listen(call(stream=True)) as second:
            engine.let(1)
            await anext(first)
            await anext(second)
        await engine.until_aborted(1)
        assert engine.aborted == [engine.seen[0].id]
        # Nobody joins a run that has ended: the next one begins anew.
        engine.let(10)
        await gateway.ask(call(stream=True))
        assert len(engine.seen) == 2


async def test_an_answer_is_kept_though_the_client_that_began_it_has_left() -> None:
    engine = HeldEngine(each=True, answer="one two")
    async with house(engine, **MEMORY_ONLY) as gateway:
        async with gateway.listen(call(stream=True)) as first:
            engine.let(1)
            await anext(first)
            second = gateway.begin(call(stream=True))
            await settle()
        engine.let(1)
        await second
        third = call(stream=True)
        assert (await gateway.ask(third)).first.content == "one two"
        assert third.notes.cache == "hit"


@pytest.mark.parametrize(
    "other",
    [
        {"stream": True},
        {"lane": "batch"},
        {"allow_degraded": False},
        {"tenant": "another"},
        {"cache_control": CacheControl(no_cache=True)},
        {"cache_control": CacheControl(no_store=True)},
        {"sampling": Sampling(temperature=0.0, max_tokens=7)},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_only_calls_that_may_share_an_answer_share_a_run(other: dict[str, object]) -> None:
    engine = HeldEngine()
    async with house(engine, **MEMORY_ONLY) as gateway:
        asked = [gateway.begin(call()), gateway.begin(call(**other))]
        await engine.until_seen(2)
        engine.let(2)
        await asyncio.gather(*asked)


async def test_requests_that_may_not_be_cached_run_one_by_one() -> None:
    engine = HeldEngine()
    async with house(engine, **MEMORY_ONLY) as gateway:
        asked = [gateway.begin(call(sampling=Sampling(temperature=0.9))) for _ in range(3)]
        await engine.until_seen(3)
        engine.let(3)
        await asyncio.gather(*asked)


async def test_all_hear_of_a_failure_and_nothing_is_kept() -> None:
    engine = HeldEngine()
    engine.fail_with = GenerationFailed("The model failed on this request.")
    async with house(engine, **MEMORY_ONLY) as gateway:
        asked = [gateway.begin(call()) for _ in range(3)]
        await engine.until_seen(1)
        engine.let(3)
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(result) for result in results] == [GenerationFailed] * 3
        engine.fail_with = None
        engine.let(1)
        await gateway.ask(call())
    assert len(engine.seen) == 2


async def test_the_run_goes_on_to_the_latest_deadline_of_its_listeners() -> None:
    engine = HeldEngine()
    async with house(engine, **MEMORY_ONLY) as gateway:
        patient = gateway.begin(call(timeout_s=60))
        hurried = gateway.begin(call(timeout_s=0.05))
        with pytest.raises(TimeoutError):
            await hurried
        engine.let(1)
        assert (await patient).first.content
    assert len(engine.seen) == 1
