"""What all keys of a tenant may use together."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import anyio
import pytest

from tests.accounts.conftest import MODEL, Guard
from tests.accounts.test_alerts import NEAR
from tests.accounts.test_limits import FREE, holds, names, spent
from tests.media.site import site
from tests.scripts import scripted

pytestmark = pytest.mark.anyio
SMALL = {"monthly_tokens": 1000}


async def test_the_streams_of_two_keys_on_two_gateways_do_not_overspend_their_tenant(guard: Guard) -> None:
    engine = scripted("word " * 30, token_delay_ms=1, max_running=200)
    tiers = {"short": {"max_tokens": 60}}
    async with (
        guard(tiers, engine, tenant_quota=SMALL) as one,
        guard(tiers, engine, tenant_quota=SMALL) as other,
    ):
        made = [await one.keys.create(tenant="acme", tier="short") for _ in range(2)]
        asked = [((one, other)[n % 2], made[n // 2 % 2][1]) for n in range(100)]
        replies = await asyncio.gather(*(gate.chat(secret, stream=True) for gate, secret in asked))
        codes = Counter(reply.status_code for reply in replies)
        assert codes[200] > 5
        assert codes[429] == 100 - codes[200]
        await other.services.accounts.ledger.settled()
        tenant = names(made[0][0]).of_tenant
        tokens, _ = await spent(one, tenant)
        assert 0 < tokens <= 1000
        assert await holds(one, tenant) == FREE
        each = [(await spent(one, names(key).of_key))[0] for key, _ in made]
        assert sum(each) == tokens


async def test_a_tenants_quota_is_its_own_and_told_from_its_keys(guard: Guard) -> None:
    tenants = {"big": {"monthly_tokens": 1_000_000}, "dear": {"monthly_cost": 0.001}}
    prices = {MODEL: {"output": 1000}}
    tiers = {"short": {"max_tokens": 900}}
    async with guard(tiers, tenant_quota={"monthly_tokens": 100}, tenants=tenants, prices=prices) as one:
        replies = {
            name: await one.chat(await one.key(name, "short"), max_tokens=900)
            for name in ("big", "dear", "small")
        }
    assert {name: reply.status_code for name, reply in replies.items()} == {
        "big": 200,
        "dear": 429,
        "small": 429,
    }
    for name, says in (("small", "more than its tenant has"), ("dear", "cost more than its tenant has")):
        error = replies[name].json()["error"]
        assert error["code"] == "insufficient_quota"
        assert says in error["message"]
        assert replies[name].headers["x-should-retry"] == "false"


async def test_a_tenants_quota_caps_answers_and_closes_without_the_store(guard: Guard, store: object) -> None:
    async with guard(tenant_quota={"monthly_tokens": 10_000}) as one:
        secret = await one.key()
        assert (await one.chat(secret)).status_code == 200
        assert one.engine.seen[0].sampling.max_tokens == 4096
        await store.aclose()  # type: ignore[attr-defined]
        assert (await one.chat(secret)).status_code == 503


async def test_what_two_keys_use_is_told_when_it_nears_the_quota(guard: Guard) -> None:
    async with site({"/alerts": (204, {}, b"")}) as hook:
        url = f"http://127.0.0.1:{hook.port}/alerts"
        quota = {"monthly_tokens": 200}
        tiers = {"short": {"max_tokens": 20}}
        engine = scripted("word " * 10)
        async with guard(tiers, engine, fetch=NEAR, alert_url=url, tenant_quota=quota) as one:
            made = [await one.key("acme", "short") for _ in range(2)]
            number = 0
            while (await one.chat(made[number % 2])).status_code == 200:
                await one.services.accounts.ledger.settled()
                number += 1
            with anyio.fail_after(20):
                while not hook.asked:
                    await anyio.sleep(0.01)
        (alert,) = (json.loads(asked[1]["body"]) for asked in hook.asked)
    assert (alert["tenant"], alert["quota"], alert["percent"]) == ("acme", "tenant_monthly_tokens", 80)
    assert "key" not in alert
    assert 160 <= alert["used"] < alert["limit"] == 200


async def test_without_keys_nobody_has_a_tenants_quota(guard: Guard) -> None:
    async with guard(tenant_quota={"monthly_tokens": 1}) as one:
        assert (await one.chat(None)).status_code == 200


async def test_what_a_dead_gateway_held_lapses_for_the_tenant_too(guard: Guard) -> None:
    from gateway.accounts.reservation import Reservation

    async with guard(tenant_quota=SMALL) as one:
        (dead, _), (live, _) = [await one.keys.create(tenant="acme", tier="internal") for _ in range(2)]
        accounts = one.services.accounts
        limits = accounts.limits(dead.principal)
        await accounts.limiter.admit(Reservation.begin(dead.principal, limits), 0.001, 900, 0)
        await asyncio.sleep(0.01)
        await accounts.limiter.admit(Reservation.begin(live.principal, limits), 60, 900, 0)
        assert (await holds(one, names(live).of_tenant))["tokens"] == 900
