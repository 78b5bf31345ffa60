"""The cache behind Sentinels, in the clear and over TLS, while requests run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import RedisError

from gateway.stores.connect import connect
from tests.dispatch.house import House, call, house
from tests.scripts import scripted
from tests.stores.servers import SentinelSet

pytestmark = pytest.mark.anyio

CACHE = {"memory_ttl_s": 0, "breaker_reset_s": 0.2, "timeout_ms": 500}


class Callers:
    """Ask the same few questions again and again, and note how the cache was used."""

    def __init__(self, gateway: House) -> None:
        self._gateway = gateway
        self._stop = asyncio.Event()
        self.uses: list[str | None] = []

    @asynccontextmanager
    async def asking(self, count: int = 8) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._ask(number)) for number in range(count)]
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.gather(*tasks)  # raises if any request failed

    async def until(self, use: str, times: int = 1) -> None:
        seen = len(self.uses)
        async with asyncio.timeout(30):
            while self.uses[seen:].count(use) < times:
                await asyncio.sleep(0.01)

    async def _ask(self, number: int) -> None:
        while not self._stop.is_set():
            asked = call(f"question {number}")
            await self._gateway.ask(asked)
            self.uses.append(asked.notes.cache)
            await asyncio.sleep(0.002)


async def test_a_master_that_dies_fails_no_request_and_its_replica_has_the_answers(
    sentinels: SentinelSet,
) -> None:
    async with house(scripted(), cache={"url": sentinels.url, **CACHE}) as gateway:
        await gateway.ask(call("asked before"))
        await gateway.services.answers.settled()
        async with sentinels.master.client() as master:
            assert await master.wait(1, 10_000) == 1
            (kept,) = await master.keys("*")
        callers = Callers(gateway)
        async with callers.asking():
            await callers.until("hit")
            sentinels.master.kill()
            await callers.until("miss")
            await sentinels.until_master(sentinels.replica)
            await callers.until("hit", times=20)
        async with sentinels.replica.client() as master:
            assert await master.exists(kept)


async def test_a_master_that_steps_down_is_left_for_the_new_one(sentinels: SentinelSet) -> None:
    async with house(scripted(), cache={"url": sentinels.url, **CACHE}) as gateway:
        callers = Callers(gateway)
        async with callers.asking():
            await callers.until("hit")
            await sentinels.fail_over()
            await callers.until("hit", times=20)
        async with sentinels.replica.client() as master:
            known = await master.dbsize()
            for number in range(3):
                await gateway.ask(call(f"another {number}"))
                await gateway.services.answers.settled()
            assert await master.dbsize() >= known + 2, "one write at most finds out"


async def test_more_callers_than_connections_wait_for_their_turn(sentinels: SentinelSet) -> None:
    async with house(scripted(), cache={"url": sentinels.url, **CACHE, "timeout_ms": 20_000}) as gateway:
        asked = [call(f"question {number}") for number in range(200)]
        await asyncio.gather(*map(gateway.ask, asked))
        assert {one.notes.cache for one in asked} == {"miss"}
        assert gateway.metric("gateway_cache_errors_total", what="read") == 0


async def test_a_connection_in_use_while_the_master_changes_is_not_kept(sentinels: SentinelSet) -> None:
    client = connect(sentinels.url, 2)
    pool = client.connection_pool
    busy = await pool.get_connection()
    await client.set("one", "written before")
    await sentinels.fail_over()
    with pytest.raises(RedisError):
        while True:  # until the connection finds out that it leads to a replica now
            await client.set("two", "lost")
    await client.set("three", "written after")
    await pool.release(busy)
    await client.set("four", "over the connection that was in use")
    async with sentinels.replica.client() as master:
        assert await master.exists("three", "four") == 2
    await client.aclose()
