"""What people try with keys, names and numbers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.accounts.limits import NANO, Limits
from gateway.accounts.reservation import Reservation
from gateway.cli import app
from gateway.settings import SettingsError, load_settings
from tests.accounts.conftest import ADMIN_KEY, MODEL, Guard
from tests.accounts.test_limits import FREE, holds, names, spent
from tests.accounts.test_usage import usage

pytestmark = pytest.mark.anyio
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
STRANGE = [
    "=1+1",
    "@SUM(A1)",
    "}{",
    "{a}",
    "a:b*?[x]",
    "租户 🙂",
    "'; DROP TABLE usage; --",
    "x" * 128,
    " ",
    "%s%d",
]
UNPRINTABLE = ["\x00", "a\x00b", "a\n", "\x1b[2J", "\x85", "a\tb"]
WRONG: list[Any] = [None, True, 0, -1, 1.5, 2**70, 1e308, [], [1], [None], {}, {"a": 1}, "", "x" * 129]


async def test_a_tenant_may_have_any_name_that_can_be_printed(
    guard: Guard, store: Any, tmp_path: Path
) -> None:
    quota = {"monthly_tokens": 100_000}
    async with guard(admin_key=ADMIN_KEY, tenant_quota=quota) as one:
        for name in STRANGE:
            made = await one.client.post("/admin/keys", json={"tenant": name}, headers=ADMIN)
            assert made.status_code == 201, name
            reply = await one.chat(made.json()["key"])
            assert reply.status_code == 200, name
            key = await one.keys.get(made.json()["id"])
            tokens = reply.json()["usage"]["total_tokens"]
            assert (await spent(one, names(key).of_tenant))[0] == tokens
            assert await holds(one, names(key).of_tenant) == FREE
        rows = (await usage(one, ADMIN_KEY, by="tenant"))["rows"]
        assert {row["tenant"]: row["requests"] for row in rows} == dict.fromkeys(STRANGE, 1)
    (tmp_path / "gateway.yaml").write_text(f"state: {{url: '{store.url}'}}\n")
    command = ["usage", "-c", str(tmp_path / "gateway.yaml"), "--by", "tenant", "--format", "csv"]
    printed = await asyncio.to_thread(CliRunner().invoke, app, command)
    cells = {row["tenant"] for row in csv.DictReader(io.StringIO(printed.stdout))}
    assert {"'=1+1", "'@SUM(A1)", "租户 🙂"} <= cells
    assert not any(cell.startswith(("=", "@", "+", "-")) for cell in cells)


@pytest.mark.parametrize("text", UNPRINTABLE)
async def test_what_cannot_be_printed_is_no_name(guard: Guard, text: str) -> None:
    async with guard(admin_key=ADMIN_KEY) as one:
        for order in (
            {"tenant": text},
            {"tenant": "a", "name": text},
            {"tenant": "a", "metadata": {"b": text}},
        ):
            reply = await one.client.post("/admin/keys", json=order, headers=ADMIN)
            assert (reply.status_code, reply.json()["code"]) == (400, 1000)
            assert "cannot be printed" in reply.json()["msg"]


async def test_bodies_of_the_wrong_shape_are_refused_and_break_nothing(guard: Guard) -> None:
    fields = ("tenant", "name", "tier", "tasks", "models", "endpoints", "lanes", "expires_in", "origins")
    async with guard(admin_key=ADMIN_KEY) as one:
        for field in (*fields, "networks", "metadata"):
            for value in WRONG:
                reply = await one.client.post(
                    "/admin/keys", json={"tenant": "a", field: value}, headers=ADMIN
                )
                assert reply.status_code in (201, 400), (field, value)
        for raw in (b"", b"null", b"[" * 60_000, b'"x"', b"1e999", b'{"tenant": "\\ud83d"}', b"\xff", b"{"):
            reply = await one.client.post("/admin/keys", content=raw, headers=ADMIN)
            assert (reply.status_code, reply.json()["code"]) == (400, 1000), raw[:20]
        too_long = await one.client.post(
            "/admin/keys", json={"tenant": "a", "expires_in": "999999w"}, headers=ADMIN
        )
        assert "longer than 100 years" in too_long.json()["msg"]
        big = await one.client.post("/admin/keys", content=b" " * 70_000, headers=ADMIN)
        assert big.status_code == 413
        listed = await one.client.get("/admin/keys", headers=ADMIN)
        assert listed.status_code == 200


async def test_of_several_keys_one_is_taken_and_the_others_open_nothing(guard: Guard) -> None:
    async with guard(admin_key=ADMIN_KEY) as one:
        good = await one.key()

        async def ask(*headers: tuple[str, str], path: str = "/v1/models") -> int:
            return (await one.client.get(path, headers=list(headers))).status_code

        bearer, admin = ("authorization", f"Bearer {good}"), ("x-api-key", ADMIN_KEY)
        assert await ask(bearer, ("x-api-key", "sk-wrong")) == 200
        assert await ask(("authorization", "Bearer sk-wrong"), ("x-api-key", good)) == 401
        assert await ask(bearer, admin, path="/admin/keys") == 401
        assert await ask(admin, ("x-api-key", good), path="/v1/models") == 403
        assert await ask(("authorization", f"Bearer {good},Bearer {ADMIN_KEY}")) == 401
        assert await ask(("authorization", f"Basic {good}")) == 401
        assert await ask(("authorization", "Bearer " + "a" * 60_000)) == 401
        assert await ask(("x-api-key", "")) == 401


@pytest.mark.parametrize(
    "accounts",
    [
        "prices: {m: {input: -1}}",
        "prices: {m: {output: .inf}}",
        "prices: {m: {cached_input: .nan}}",
        "cached_price: -0.1",
        "degraded_price: .nan",
        "tiers: {test: {monthly_cost: 1.0e+30}}",
        "tiers: {test: {requests_per_minute: 0}}",
        "tenants: {acme: {monthly_tokens: -5}}",
        "tenant_quota: {monthly_cost: .inf}",
        "alert_at: [-1]",
    ],
)
def test_numbers_that_would_pay_people_or_never_end_are_no_settings(tmp_path: Path, accounts: str) -> None:
    (tmp_path / "gateway.yaml").write_text(f"accounts: {{{accounts}}}")
    with pytest.raises(SettingsError, match="accounts"):
        load_settings(tmp_path / "gateway.yaml")


async def test_sums_beyond_where_floats_count_by_ones_stay_exact_and_are_held(guard: Guard) -> None:
    """Costs of a large month, in billionths, are beyond 2^53; scripts of the store count in doubles."""
    prices = {MODEL: {"input": 1, "output": 1}}
    tiers = {"huge": {"monthly_cost": 1e9, "max_tokens": 50}}
    async with guard(tiers, prices=prices) as one:
        key, secret = await one.keys.create(tenant="acme", tier="huge")
        account, redis = names(key).of_key, one.services.state.redis
        odd = 2**53 + 1
        await redis.hset(account.spent, mapping={"tokens": odd, "cost": odd})
        used = (await one.chat(secret)).json()["usage"]["total_tokens"]
        assert await spent(one, account) == (odd + used, odd + used * NANO // 1_000_000)
        assert await holds(one, account) == FREE
        await redis.hset(account.spent, "cost", 10**18 - 10_000)
        assert (await one.chat(secret)).status_code == 429


async def test_a_request_is_charged_to_the_month_in_which_it_began(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the clock steps back over the end of the month."""
    clock = [time.struct_time((2026, 10, 31, 23, 59, 59, 5, 304, 0))]
    monkeypatch.setattr("gateway.accounts.reservation.time.gmtime", lambda: clock[0])
    async with guard({"paid": {"monthly_tokens": 10_000}}) as one:
        key, _ = await one.keys.create(tenant="acme", tier="paid")
        accounts = one.services.accounts
        limits = accounts.limits(key.principal)
        held = Reservation.begin(key.principal, limits)
        await accounts.limiter.admit(held, 60, 100, 0)
        clock[0] = time.struct_time((2026, 11, 1, 0, 0, 1, 6, 305, 0))
        after = Reservation.begin(key.principal, limits)
        await accounts.limiter.admit(after, 60, 100, 0)
        clock[0] = time.struct_time((2026, 10, 31, 23, 59, 58, 5, 304, 0))
        for reservation, tokens in ((held, 70), (after, 30)):
            accounts.ledger.settle(reservation, tokens, 0)
        assert (await spent(one, held.of_key))[0] == 70
        assert (await spent(one, after.of_key))[0] == 30
        assert await holds(one, Reservation.begin(key.principal, Limits()).of_key) == FREE


async def test_a_request_that_asks_for_an_endless_answer_is_held_to_its_tier(guard: Guard) -> None:
    async with guard({"paid": {"monthly_tokens": 10_000, "max_tokens": 64}}) as one:
        secret = await one.key(tier="paid")
        for asked in (10**18, 2**63 - 1, 2**70):
            assert (await one.chat(secret, max_tokens=asked)).status_code == 200
        assert {request.sampling.max_tokens for request in one.engine.seen} == {64}
        key = json.dumps({"max_tokens": -1, "messages": [{"role": "user", "content": "Hi"}]})
        headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
        reply = await one.client.post("/v1/chat/completions", content=key, headers=headers)
        assert reply.status_code == 400
