"""The state store behind Sentinels, in the clear and over TLS: what keys may do while the master changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from tests.accounts.conftest import Guarded, guarded
from tests.pictures import square
from tests.scripts import scripted
from tests.stores.servers import SentinelSet

pytestmark = pytest.mark.anyio

TIERS = {"rated": {"requests_per_minute": 100_000}, "paid": {"monthly_tokens": 10_000_000}}


class Callers:
    """One with a rate and one with a monthly quota, each asking on and on."""

    def __init__(self, gateway: Guarded, rated: str, paid: str) -> None:
        self._gateway = gateway
        self._keys = {"rated": rated, "paid": paid}
        self._stop = asyncio.Event()
        self.replies: dict[str, list[httpx.Response]] = {"rated": [], "paid": []}

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(self._ask(name)) for name in self._keys]
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.gather(*tasks)

    async def until(self, name: str, status: int) -> None:
        seen = len(self.replies[name])
        with anyio.fail_after(30):
            while all(reply.status_code != status for reply in self.replies[name][seen:]):
                await asyncio.sleep(0.01)

    async def _ask(self, name: str) -> None:
        while not self._stop.is_set():
            self.replies[name].append(await self._gateway.chat(self._keys[name]))
            await asyncio.sleep(0.01)


async def test_rates_go_on_and_quotas_are_closed_until_the_replica_is_the_master(
    sentinels: SentinelSet,
) -> None:
    async with guarded(sentinels.url, TIERS, state={"timeout_ms": 500}) as gateway:
        rated, paid = await gateway.key(tier="rated"), await gateway.key(tier="paid")
        callers = Callers(gateway, rated, paid)
        async with callers.asking():
            await callers.until("rated", 200)
            await callers.until("paid", 200)
            sentinels.master.kill()
            await callers.until("paid", 503)
            await sentinels.until_master(sentinels.replica)
            await callers.until("paid", 200)
        assert {reply.status_code for reply in callers.replies["rated"]} == {200}
        closed = [reply for reply in callers.replies["paid"] if reply.status_code != 200]
        assert {reply.status_code for reply in closed} == {503}
        assert all("retry-after" in reply.headers for reply in closed)
        assert (await gateway.chat("qwen-vl-" + "x" * 40)).status_code == 401


async def test_jobs_outlive_the_master_that_took_them_in(sentinels: SentinelSet) -> None:
    engine = scripted("red", first_token_delay_ms=100)
    async with guarded(sentinels.url, TIERS, engine, jobs={"visibility_s": 2}) as gateway:
        headers = {"authorization": f"Bearer {await gateway.key(tier='rated')}"}
        jobs = await asyncio.gather(*(submitted(gateway, headers) for _ in range(40)))
        async with sentinels.master.client() as master:
            assert await master.wait(1, 10_000) == 1
        sentinels.master.kill()
        await sentinels.until_master(sentinels.replica)
        with anyio.fail_after(60):
            while {await status(gateway, job, headers) for job in jobs} != {"succeeded"}:
                await asyncio.sleep(0.1)


async def submitted(gateway: Guarded, headers: dict[str, str]) -> str:
    """The id of a new job."""
    body = {"task": "vqa", "text": "Which colour?", "images": [square()]}
    reply = await gateway.client.post("/v1/jobs", json=body, headers=headers)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


async def status(gateway: Guarded, job: str, headers: dict[str, str]) -> str:
    """Of the job, or of a reply that could not tell."""
    reply = await gateway.client.get(f"/v1/jobs/{job}", headers=headers)
    return str(reply.json()["status"]) if reply.status_code == 200 else str(reply.status_code)
