"""How often a request asks the stores, counted by the stores themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from redis.asyncio import Redis

from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey
from tests.accounts.conftest import MODEL, Guard, Guarded
from tests.accounts.test_limits import FREE, holds, names
from tests.pictures import square

pytestmark = pytest.mark.anyio
TIERS = {"paid": {"requests_per_minute": 100_000, "monthly_tokens": 10_000_000, "concurrency": 50}}
PRICES = {MODEL: {"input": 1, "output": 1}}
BACKGROUND = 12
"""Reads of a second or two for what is carried on beside requests: charges, figures, keys, jobs."""


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A store for answers, beside the one for state."""
    server = EmbeddedValkey(tmp_path / "cache")
    await server.start()
    yield server
    await server.aclose()


async def reads(client: Redis) -> int:
    """How often the store has read from a connection: once for each trip to it."""
    return int((await client.info("stats"))["total_reads_processed"])


async def ask(one: Guarded, secret: str, text: str) -> str:
    body = {"task": "vqa", "images": [square()], "text": text}
    reply = await one.client.post("/infer", json=body, headers={"authorization": f"Bearer {secret}"})
    assert reply.status_code == 200, reply.text
    assert "x-ratelimit-remaining-requests" in reply.headers
    return str(reply.headers["x-cache"])


async def test_a_kept_answer_takes_one_trip_to_the_state_and_none_where_this_process_knows_it(
    guard: Guard, store: EmbeddedValkey, kept: EmbeddedValkey
) -> None:
    state, cache = connect(store.url, 5), connect(kept.url, 5)
    async with guard(TIERS, cache=kept.url, prices=PRICES) as one:
        secret = await one.key(tier="paid")
        assert await ask(one, secret, "What?") == "miss"
        before = await reads(state), await reads(cache)
        assert {await ask(one, secret, "What?") for _ in range(50)} == {"hit"}
        after = await reads(state), await reads(cache)
    assert 50 <= after[0] - before[0] <= 2 * 50 + BACKGROUND  # what is given back may go by itself
    assert after[1] - before[1] <= 2
    await state.aclose()
    await cache.aclose()


async def test_a_new_question_takes_two_to_the_state_and_a_lookup_and_a_write(
    guard: Guard, store: EmbeddedValkey, kept: EmbeddedValkey
) -> None:
    state, cache = connect(store.url, 5), connect(kept.url, 5)
    async with guard(TIERS, cache=kept.url, prices=PRICES) as one:
        secret = await one.key(tier="paid")
        await ask(one, secret, "What?")
        before = await reads(state), await reads(cache)
        assert {await ask(one, secret, f"What is {n}?") for n in range(50)} == {"miss"}
        await one.services.answers.settled()
        after = await reads(state), await reads(cache)
    # The text is reserved when it comes in, the picture when its size is known; what was not used is
    # given back beside the next request, or by itself where none comes soon.
    assert after[0] - before[0] <= 3 * 50 + BACKGROUND
    assert after[1] - before[1] <= 2 * 50 + BACKGROUND
    await state.aclose()
    await cache.aclose()


async def test_the_kept_answer_is_looked_for_while_the_limits_are_asked(
    guard: Guard, store: EmbeddedValkey, kept: EmbeddedValkey
) -> None:
    state, cache = connect(store.url, 5), connect(kept.url, 5)
    async with guard(TIERS, cache=kept.url, prices=PRICES, state={"timeout_ms": 5000}) as one:
        secret = await one.key(tier="paid")
        await ask(one, secret, "What?")
        before = await reads(cache)
        await state.client_pause(60_000, all=False)
        asking = asyncio.create_task(ask(one, secret, "What else?"))
        with anyio.fail_after(10):
            while await reads(cache) < before + 3:  # this one's own questions are reads too
                await anyio.sleep(0.01)
        assert len(one.engine.seen) == 1  # nothing that costs begins before the verdict
        await state.client_unpause()
        assert await asking == "miss"
    await state.aclose()
    await cache.aclose()


async def test_one_that_was_refused_a_moment_ago_waits_before_anything_is_read(
    guard: Guard, kept: EmbeddedValkey
) -> None:
    cache = connect(kept.url, 5)
    async with guard({"slow": {"requests_per_minute": 1}}, cache=kept.url) as one:
        secret = await one.key(tier="slow")
        await ask(one, secret, "What?")
        body = {"task": "vqa", "images": [square()], "text": "And?"}
        headers = {"authorization": f"Bearer {secret}"}
        replies = [await one.client.post("/infer", json=body, headers=headers)]
        await one.services.answers.settled()
        before = await reads(cache)
        replies += [await one.client.post("/infer", json=body, headers=headers) for _ in range(10)]
        assert [reply.status_code for reply in replies] == [429] * 11
        assert await reads(cache) - before < 10  # this question, and what is carried on beside requests
        assert len(one.engine.seen) == 1
    await cache.aclose()


async def test_a_request_that_ends_before_its_verdict_leaves_nothing_held(
    guard: Guard, store: EmbeddedValkey
) -> None:
    state = connect(store.url, 5)
    async with guard(TIERS, prices=PRICES, tenant_quota={"monthly_tokens": 10_000_000}) as one:
        key, secret = await one.keys.create(tenant="acme", tier="paid")
        await ask(one, secret, "What?")
        await one.services.accounts.ledger.settled()
        headers = {"authorization": f"Bearer {secret}"}
        broken = {"task": "vqa", "images": ["data:image/png;base64,AAAA"], "text": "What?"}
        assert (await one.client.post("/infer", json=broken, headers=headers)).status_code == 400
        await state.client_pause(60_000, all=False)
        leaving = asyncio.create_task(ask(one, secret, "What else?"))
        await asyncio.sleep(0.2)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await state.client_unpause()
        for account in (names(key).of_key, names(key).of_tenant):
            assert await holds(one, account) == FREE
        assert len(one.engine.seen) == 1
    await state.aclose()
