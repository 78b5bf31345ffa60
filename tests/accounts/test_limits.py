"""Rates, concurrency and quotas, held for several gateways together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any

import anyio
import httpx
import pytest
from openai import AsyncOpenAI, RateLimitError
from PIL import Image

from engine.types import ChatRequest, Message
from gateway.accounts.estimate import image_tokens, text_tokens
from gateway.accounts.key import ApiKey
from gateway.accounts.limits import NANO, Limits
from gateway.accounts.reservation import Account, Reservation
from gateway.stores.embedded import EmbeddedValkey
from tests.accounts.conftest import MODEL, Guard, Guarded
from tests.jobs.conftest import finished
from tests.pictures import square
from tests.scripts import scripted

pytestmark = pytest.mark.anyio


def names(key: ApiKey) -> Reservation:
    """Where the store has what the key does and has spent, and the same of its tenant."""
    return Reservation.begin(key.principal, Limits())


async def spent(one: Guarded, account: Account) -> tuple[int, int]:
    """Tokens and cost of this month, once everything is settled."""
    await one.services.accounts.ledger.settled()
    sums: Any = await one.services.state.redis.hgetall(account.spent)
    return int(sums.get(b"tokens", 0)), int(sums.get(b"cost", 0))


async def holds(one: Guarded, account: Account) -> dict[str, int]:
    """What requests that run hold at this moment."""
    await one.services.accounts.ledger.settled()
    sums: Any = await one.services.state.redis.hgetall(account.sums)
    leases = await one.services.state.redis.zcard(account.leases)
    tokens, cost = int(sums.get(b"held_tokens", 0)), int(sums.get(b"held_cost", 0))
    return {"tokens": tokens, "cost": cost, "leases": int(leases)}


FREE = {"tokens": 0, "cost": 0, "leases": 0}


async def test_what_was_released_and_never_charged_is_not_held_for_ever(guard: Guard) -> None:
    async with guard({"paid": {"monthly_tokens": 100_000}}) as one:
        secret = await one.key(tier="paid")
        assert (await one.chat(secret)).status_code == 200
        redis: Any = one.services.state.redis
        await one.services.accounts.ledger.settled()
        hashes = [key async for key in redis.scan_iter("*", _type="hash")]
        (name,) = [key for key in hashes if await redis.hexists(key, "released")]
        await redis.hset(name, mapping={"held_tokens": 99_999, "released": int(time.time()) - 30})
        assert (await one.chat(secret)).status_code == 429, "a charge may be on its way"
        await redis.hset(name, "released", int(time.time()) - 90)
        assert (await one.chat(secret)).status_code == 200


async def test_prompts_in_the_arguments_of_tools_are_counted() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "word " * 1000}}
    told = ChatRequest(id="r", model="m", messages=(Message(role="assistant", tool_calls=[call]),))
    assert text_tokens(told) > 1000


async def test_a_job_over_its_keys_concurrency_waits_and_is_answered(guard: Guard) -> None:
    async with guard({"one": {"concurrency": 1}}, jobs={"backoff_s": 0.05}) as one:
        one.client.headers["authorization"] = f"Bearer {await one.key(tier='one')}"
        order = {"task": "vqa", "images": [square()]}
        jobs = [await one.client.post("/v1/jobs", json=order | {"text": f"What {n}?"}) for n in range(6)]
        for job in jobs:
            seen = await finished(one.client, job.json())
            assert seen["status"] == "succeeded", seen


async def test_a_rate_holds_over_two_gateways_and_says_when_to_come_back(guard: Guard) -> None:
    tiers = {"slow": {"requests_per_minute": 20}}
    async with guard(tiers) as one, guard(tiers) as other:
        secret = await one.key(tier="slow")
        replies = await asyncio.gather(*(gate.chat(secret) for _ in range(15) for gate in (one, other)))
        assert Counter(reply.status_code for reply in replies) == {200: 20, 429: 10}
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert refused.json()["error"]["code"] == "rate_limit_exceeded"
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert refused.headers["x-ratelimit-limit-requests"] == "20"
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert sum(gate.metric("gateway_limited_total", limit="requests") for gate in (one, other)) == 10


async def test_answers_say_what_is_left_as_openais_sdk_reads_it(guard: Guard) -> None:
    async with guard({"small": {"requests_per_minute": 2, "tokens_per_minute": 10_000}}) as one:
        client = AsyncOpenAI(
            api_key=await one.key(tier="small"),
            base_url="http://gateway/v1",
            http_client=one.client,
            max_retries=0,
        )
        ask = client.chat.completions.with_raw_response.create
        first = await ask(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert int(first.headers["x-ratelimit-remaining-tokens"]) < 10_000
        await ask(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
        with pytest.raises(RateLimitError) as error:
            await ask(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
        assert error.value.code == "rate_limit_exceeded"


async def test_a_key_has_so_many_requests_at_a_time(guard: Guard) -> None:
    slow = scripted("one two three", token_delay_ms=50)
    async with guard({"narrow": {"concurrency": 2}}, slow) as one:
        key, secret = await one.keys.create(tenant="acme", tier="narrow")
        replies = await asyncio.gather(*(one.chat(secret) for _ in range(5)))
        assert Counter(reply.status_code for reply in replies) == {200: 2, 429: 3}
        assert await holds(one, names(key).of_key) == FREE
        assert (await one.chat(secret)).status_code == 200


async def test_an_id_that_a_client_gives_twice_is_two_requests(guard: Guard) -> None:
    slow = scripted("one two three", token_delay_ms=50)
    async with guard({"narrow": {"concurrency": 1}}, slow) as one:
        headers = {"authorization": f"Bearer {await one.key(tier='narrow')}", "x-request-id": "same"}
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        replies = await asyncio.gather(
            *(one.client.post("/v1/chat/completions", json=body, headers=headers) for _ in range(3))
        )
        assert sorted(reply.status_code for reply in replies) == [200, 429, 429]


async def test_tokens_a_minute_are_put_right_when_an_answer_is_shorter_than_it_might_be(guard: Guard) -> None:
    async with guard({"small": {"tokens_per_minute": 1000, "max_tokens": 900}}) as one:
        secret = await one.key(tier="small")
        for _ in range(5):
            assert (await one.chat(secret)).status_code == 200
            await one.services.accounts.ledger.settled()
        refused = await one.chat(secret, "word " * 1000)
        assert refused.status_code == 429
        assert refused.headers["x-should-retry"] == "false"
        assert "retry-after" not in refused.headers


async def test_a_quota_is_charged_what_was_used(guard: Guard) -> None:
    tiers = {"paid": {"monthly_cost": 1.0, "monthly_tokens": 100_000}}
    prices = {MODEL: {"input": 100, "output": 1000}}
    async with guard(tiers, scripted("one two three four"), prices=prices) as one:
        key, secret = await one.keys.create(tenant="acme", tier="paid")
        usage = (await one.chat(secret, max_tokens=100)).json()["usage"]
        assert await spent(one, names(key).of_key) == (
            usage["total_tokens"],
            (usage["prompt_tokens"] * 100 + usage["completion_tokens"] * 1000) * NANO // 1_000_000,
        )
        assert await holds(one, names(key).of_key) == FREE


async def test_a_spent_quota_is_told_from_a_rate(guard: Guard) -> None:
    async with guard({"paid": {"monthly_tokens": 200, "max_tokens": 100}}) as one:
        secret = await one.key(tier="paid")
        statuses = []
        while (reply := await one.chat(secret)).status_code == 200:
            statuses.append(200)
            await one.services.accounts.ledger.settled()
        assert len(statuses) > 1
        assert reply.status_code == 429
        assert reply.json()["error"]["code"] == "insufficient_quota"
        assert reply.headers["x-should-retry"] == "false"
        task = await one.client.post(
            "/infer",
            json={"task": "captioning", "images": [square()]},
            headers={"authorization": f"Bearer {secret}"},
        )
        assert task.json()["code"] == 4004


async def test_a_hundred_streams_do_not_overspend_a_key_that_is_nearly_spent(guard: Guard) -> None:
    engine = scripted("word " * 30, token_delay_ms=1, max_running=200)
    async with (
        guard({"paid": {"monthly_tokens": 1000, "max_tokens": 60}}, engine) as one,
        guard({"paid": {"monthly_tokens": 1000, "max_tokens": 60}}, engine) as other,
    ):
        key, secret = await one.keys.create(tenant="acme", tier="paid")
        gates = (one, other)
        replies = await asyncio.gather(*(gates[n % 2].chat(secret, stream=True) for n in range(100)))
        codes = Counter(reply.status_code for reply in replies)
        assert codes[200] > 5
        assert codes[429] == 100 - codes[200], [r.text for r in replies if r.status_code not in (200, 429)]
        await other.services.accounts.ledger.settled()
        tokens, _ = await spent(one, names(key).of_key)
        assert 0 < tokens <= 1000
        assert await holds(one, names(key).of_key) == FREE


async def test_a_client_that_leaves_pays_for_what_it_got(guard: Guard) -> None:
    from gateway.call import new_request_id
    from gateway.principal import Principal
    from tests.dispatch.house import call

    engine = scripted("word " * 1000, token_delay_ms=1)
    async with guard({"paid": {"monthly_tokens": 100_000}}, engine) as one:
        key, _ = await one.keys.create(tenant="acme", tier="paid")
        asked = call(stream=True)
        asked.principal, asked.request_id = Principal("key", key.id, "acme", "paid"), new_request_id()
        events = await one.app.state.gateway.handler(asked)
        for _ in range(20):
            await anext(events)
        await events.aclose()
        tokens, _ = await spent(one, names(key).of_key)
        assert 20 <= tokens < 100
        assert await holds(one, names(key).of_key) == FREE


async def test_what_pictures_need_is_reserved_by_their_size(guard: Guard) -> None:
    async with guard({"paid": {"monthly_tokens": 150, "max_tokens": 50}}) as one:
        headers = {"authorization": f"Bearer {await one.key(tier='paid')}"}

        async def ask(side: int) -> httpx.Response:
            body = {"task": "captioning", "images": [square(side=side)]}
            return await one.client.post("/infer", json=body, headers=headers)

        large = await ask(1024)  # 1024 tokens of picture
        assert large.status_code == 429
        assert large.json()["code"] == 4004
        assert one.engine.seen == []


async def test_answers_from_the_cache_cost_nothing_or_a_share(guard: Guard) -> None:
    prices = {MODEL: {"input": 100, "output": 100}}
    for share in (0.0, 0.5):
        async with guard(
            {"paid": {"monthly_tokens": 10_000}}, cache="embedded", prices=prices, cached_price=share
        ) as one:
            key, secret = await one.keys.create(tenant="acme", tier="paid")
            first = await one.chat(secret, f"Hello {share}", temperature=0)
            tokens, cost = await spent(one, names(key).of_key)
            again = await one.chat(secret, f"Hello {share}", temperature=0)
            assert (first.headers["x-cache"], again.headers["x-cache"]) == ("miss", "hit")
            assert await spent(one, names(key).of_key) == (tokens, cost + round(cost * share))


async def test_the_pages_of_a_document_count_as_one_request_and_all_their_tokens(guard: Guard) -> None:
    tiers = {"paid": {"requests_per_minute": 1, "monthly_tokens": 100_000}}
    async with guard(tiers) as one:
        key, secret = await one.keys.create(tenant="acme", tier="paid")
        reply = await one.client.post(
            "/infer",
            json={"task": "doc_analyze", "images": [square(), square(colour="blue")]},
            headers={"authorization": f"Bearer {secret}"},
        )
        assert reply.status_code == 200, reply.text
        used = reply.json()["result"]["metadata"]
        assert len(one.engine.seen) == 3
        tokens, _ = await spent(one, names(key).of_key)
        assert tokens == used["input_tokens"] + used["output_tokens"]
        assert await holds(one, names(key).of_key) == FREE


async def test_without_the_store_rates_are_shared_out_and_quotas_closed(guard: Guard, store: Any) -> None:
    tiers = {"rated": {"requests_per_minute": 8}, "paid": {"monthly_tokens": 100_000}}
    async with guard(tiers, replicas=2) as one:
        rated, paid = await one.key(tier="rated"), await one.key(tier="paid")
        for secret in (rated, paid):
            assert (await one.chat(secret)).status_code == 200
        await store.aclose()
        codes = [(await one.chat(rated)).status_code for _ in range(6)]
        assert codes == [200] * 4 + [429] * 2
        closed = await one.chat(paid)
        assert closed.status_code == 503
        assert "Quotas cannot be checked" in closed.text
        assert one.metric("gateway_state_store_away_total", instead="rate_in_process") == 6
        assert one.metric("gateway_state_store_away_total", instead="quota_closed") == 1


async def test_without_the_store_pictures_use_up_tokens_a_minute_and_are_no_requests_more(
    guard: Guard, store: Any
) -> None:
    tiers = {"rated": {"requests_per_minute": 3, "tokens_per_minute": 1400, "max_tokens": 50}}
    async with guard(tiers) as one:
        secret = await one.key(tier="rated")
        assert (await one.chat(secret)).status_code == 200
        await store.aclose()
        body = {"task": "captioning", "images": [square(side=1024)]}  # 1024 tokens of picture
        headers = {"authorization": f"Bearer {secret}"}
        replies = [await one.client.post("/infer", json=body, headers=headers) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [200, 429]
        assert replies[1].json()["code"] == 4003
        assert 1 <= int(replies[1].headers["retry-after"]) <= 61
        assert [(await one.chat(secret)).status_code for _ in range(2)] == [200, 429]
        assert one.metric("gateway_limited_total", limit="tokens") == 1
        assert one.metric("gateway_limited_total", limit="requests") == 1


async def test_what_waits_to_be_charged_is_told_until_the_store_is_back(
    guard: Guard, store: EmbeddedValkey
) -> None:
    async with guard({"rated": {"requests_per_minute": 50}}) as one:
        secret = await one.key(tier="rated")
        assert (await one.chat(secret)).status_code == 200
        await one.services.accounts.ledger.settled()
        assert one.metric("gateway_charges_waiting") == 0
        await store.aclose()
        for _ in range(2):
            assert (await one.chat(secret)).status_code == 200
        await charges_waiting(one, 1)
        await store.start()
        await charges_waiting(one, 0)


async def charges_waiting(one: Guarded, number: int) -> None:
    with anyio.fail_after(20):
        while one.metric("gateway_charges_waiting") != number:
            await anyio.sleep(0.05)


async def test_what_a_dead_gateway_held_lapses_by_itself(guard: Guard) -> None:
    async with guard({"paid": {"monthly_tokens": 1000, "concurrency": 1}}) as one:
        key, _ = await one.keys.create(tenant="acme", tier="paid")
        limits = one.services.accounts.limits(key.principal)
        limiter = one.services.accounts.limiter
        await limiter.admit(Reservation.begin(key.principal, limits), 0.001, 900, 0)
        await asyncio.sleep(0.01)
        await limiter.admit(Reservation.begin(key.principal, limits), 60, 900, 0)
        assert await holds(one, names(key).of_key) == {"tokens": 900, "cost": 0, "leases": 1}


async def test_what_was_spent_survives_a_crash_of_the_store(guard: Guard, store: EmbeddedValkey) -> None:
    async with guard({"paid": {"monthly_tokens": 100_000, "requests_per_minute": 50}}) as one:
        key, secret = await one.keys.create(tenant="acme", tier="paid")
        assert (await one.chat(secret)).status_code == 200
        before = await spent(one, names(key).of_key)
        store.kill()
        with anyio.fail_after(20):
            while (reply := await one.chat(secret)).status_code != 200:
                assert reply.status_code == 503
                await anyio.sleep(0.05)
        tokens = reply.json()["usage"]["total_tokens"]
        assert await spent(one, names(key).of_key) == (before[0] + tokens, before[1])
        assert await holds(one, names(key).of_key) == FREE


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((64, 64), 64),
        ((640, 480), 300),
        ((1024, 1024), 1024),
        ((2048, 1365), 2752),
        ((33, 500), 96),
        ((1000, 30), 94),
        ((2661, 16), 104),
        ((8000, 6000), 16170),
    ],
)
def test_a_picture_has_as_many_tokens_as_the_models_own_processor_makes_of_it(
    size: tuple[int, int], tokens: int
) -> None:
    assert image_tokens(Image.new("1", size)) == tokens


async def test_a_store_that_was_started_anew_while_nobody_asked_refuses_nobody(
    guard: Guard, store: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.accounts.scripts._IDLE_S", 0)
    async with guard({"paid": {"monthly_tokens": 100_000}}) as one:
        secret = await one.key(tier="paid")
        assert (await one.chat(secret)).status_code == 200
        await store.aclose()
        await store.start()
        assert (await one.chat(secret)).status_code == 200
