"""Rates of what asks no model, and what may lie in the store of files."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from gateway.accounts.reservation import Reservation
from gateway.media.files import FileStore
from gateway.settings import MediaSettings
from tests.accounts.conftest import Guard, Guarded

pytestmark = pytest.mark.anyio


async def upload(one: Guarded, secret: str, data: bytes = b"x" * 100) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return await one.client.post(
        "/v1/files", headers=headers, data={"purpose": "batch"}, files={"file": ("a.jsonl", data)}
    )


async def get(one: Guarded, secret: str, path: str) -> httpx.Response:
    return await one.client.get(path, headers={"authorization": f"Bearer {secret}"})


async def test_a_flood_of_uploads_is_held_over_two_gateways_and_leaves_room_for_questions(
    guard: Guard,
) -> None:
    tiers: Any = {"slow": {"uploads_per_minute": 6, "requests_per_minute": 5}}
    async with guard(tiers) as one, guard(tiers) as other:
        secret = await one.key(tier="slow")
        replies = await asyncio.gather(*(upload(gate, secret) for _ in range(10) for gate in (one, other)))
        assert Counter(reply.status_code for reply in replies) == {200: 6, 429: 14}
        refused = next(reply for reply in replies if reply.status_code == 429)
        assert "may upload 6 files a minute" in refused.json()["error"]["message"]
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert (await one.chat(secret)).status_code == 200
        assert (await get(one, secret, "/v1/files")).status_code == 200
        assert sum(gate.metric("gateway_limited_total", limit="uploads") for gate in (one, other)) == 14


@pytest.mark.parametrize(
    "path", ["/v1/files", "/v1/files/file-1", "/v1/jobs", "/v1/jobs/job_1?wait=1", "/v1/batches", "/v1/usage"]
)
async def test_lists_and_polls_have_a_rate_of_their_own(guard: Guard, path: str) -> None:
    async with guard({"slow": {"other_requests_per_minute": 3, "requests_per_minute": 1}}) as one:
        secret = await one.key(tier="slow")
        codes = [(await get(one, secret, path)).status_code for _ in range(5)]
        assert codes[:3] == [codes[0]] * 3 != [429] * 3
        assert codes[3:] == [429] * 2
        assert (await one.chat(secret)).status_code == 200


async def test_without_the_store_each_gateway_holds_its_share_of_these_rates(
    guard: Guard, store: Any
) -> None:
    async with guard({"slow": {"uploads_per_minute": 4}}, replicas=2) as one:
        secret = await one.key(tier="slow")
        assert (await upload(one, secret)).status_code == 200
        await store.aclose()
        assert [(await upload(one, secret)).status_code for _ in range(3)] == [200, 200, 429]


async def test_what_a_tenant_keeps_is_bounded_and_the_refusal_says_what_to_do(guard: Guard) -> None:
    async with guard(media={"max_files_mb": 0.001}) as one:
        first, second = await one.key("acme"), await one.key("acme")
        kept = (await upload(one, first, b"x" * 600)).json()
        full = await upload(one, second, b"x" * 600)
        assert full.status_code == 413
        assert "Delete some" in full.json()["error"]["message"]
        assert (await upload(one, await one.key("other"), b"x" * 600)).status_code == 200
        headers = {"authorization": f"Bearer {first}"}
        await one.client.delete(f"/v1/files/{kept['id']}", headers=headers)
        assert (await upload(one, second, b"x" * 600)).status_code == 200


async def test_uploads_at_the_same_time_do_not_get_past_the_bound(tmp_path: Any) -> None:
    import io

    files = FileStore(MediaSettings(max_files_mb=0.001), tmp_path)

    def keep(number: int) -> int:
        from gateway.errors import GatewayError

        try:
            return files.add(io.BytesIO(b"x" * 300), f"{number}", "vision", "acme").bytes
        except GatewayError:
            return 0

    await asyncio.gather(*(asyncio.to_thread(keep, number) for number in range(40)))
    assert sum(file.bytes for file in files.list("acme")) <= 1000
    assert sum(path.stat().st_size for path in tmp_path.rglob("file-*") if not path.suffix) <= 1000


async def test_a_clock_that_is_set_back_locks_nobody_out(guard: Guard) -> None:
    """The store's clock was an hour ahead when the last request was counted."""
    async with guard({"slow": {"requests_per_minute": 2, "tokens_per_minute": 100_000}}) as one:
        key, secret = await one.keys.create(tenant="acme", tier="slow")
        assert [(await one.chat(secret)).status_code for _ in range(3)] == [200, 200, 429]
        redis = one.services.state.redis
        account = Reservation.begin(key.principal, one.services.accounts.limits(key.principal)).of_key
        now = int(await redis.hget(account.sums, "second") or 0)
        await redis.hset(account.sums, "second", now + 3600)
        assert [(await one.chat(secret)).status_code for _ in range(3)] == [200, 200, 429]
        await one.services.accounts.ledger.settled()
        fields: Any = await redis.hgetall(account.sums)
        assert all(int(value) >= 0 for name, value in fields.items() if not name.startswith(b"hold:"))
