"""What Prometheus is told of jobs."""

from __future__ import annotations

import asyncio

import httpx

from engine.errors import InvalidRequest
from gateway.settings import FetchSettings
from tests.conftest import Gateway
from tests.dispatch.engines import HeldEngine
from tests.jobs.conftest import Keeps, finished, inside
from tests.jobs.test_jobs import submit
from tests.media.site import site
from tests.scripts import scripted


async def until(client: httpx.AsyncClient, *wanted: str) -> str:
    """The metrics, when they have all these lines."""
    async with asyncio.timeout(20):
        while True:
            text = (await client.get("/metrics")).text
            if set(wanted) <= set(text.splitlines()):
                return text
            await asyncio.sleep(0.05)


async def test_waiting_and_running_jobs_are_counted_over_all_tenants_and_behind_the_window(
    gateway: Gateway, keeps: Keeps
) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(workers=1, window=1)) as client:
        await until(client, 'gateway_jobs{status="waiting"} 0.0', 'gateway_jobs{status="running"} 0.0')
        jobs = [await submit(client, text=f"{number}?") for number in range(3)]
        await until(client, 'gateway_jobs{status="waiting"} 2.0', 'gateway_jobs{status="running"} 1.0')
        engine.let(3)
        for job in jobs:
            await finished(client, job)
        await until(
            client,
            'gateway_jobs{status="waiting"} 0.0',
            'gateway_jobs{status="running"} 0.0',
            'gateway_jobs_finished_total{status="succeeded"} 3.0',
        )


async def test_failed_jobs_are_dead_letters_until_they_are_requeued(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    engine.fail_with = InvalidRequest("no")
    async with gateway(engine, keeps()) as client:
        job = await submit(client)
        assert (await finished(client, job))["status"] == "failed"
        await until(client, "gateway_jobs_dead 1.0", 'gateway_jobs_finished_total{status="failed"} 1.0')
        await inside(client).jobs.store.requeue(job["id"])
        await finished(client, job)
        await until(client, "gateway_jobs_dead 1.0", 'gateway_jobs_finished_total{status="failed"} 2.0')


async def test_a_cancelled_job_is_no_dead_letter(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps(workers=0)) as client:
        job = await submit(client)
        await inside(client).jobs.store.cancel(job["id"], None)
        await until(client, "gateway_jobs_dead 0.0", 'gateway_jobs_finished_total{status="cancelled"} 1.0')


async def test_webhooks_are_counted_by_how_their_calls_went(gateway: Gateway, keeps: Keeps) -> None:
    async with site({"/hook": (500, {}, b"")}) as served:
        fetch = FetchSettings(private_networks=["127.0.0.0/8"], ports=[])
        async with gateway(scripted("red"), keeps(webhook_tries=1, fetch=fetch)) as client:
            await submit(client, webhook=f"http://127.0.0.1:{served.port}/hook")
            text = await until(client, 'gateway_webhook_calls_total{outcome="failed"} 1.0')
            assert 'gateway_webhook_calls_total{outcome="delivered"} 0.0' in text


async def test_a_store_that_is_away_shows_no_old_numbers(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        await until(client, "gateway_jobs_dead 0.0")
        server = inside(client).services.state._server
        assert server is not None
        await server.aclose()
        async with asyncio.timeout(20):
            while "gateway_jobs_dead" in (await client.get("/metrics")).text:
                await asyncio.sleep(0.05)


async def test_without_a_store_there_are_no_figures_of_jobs(gateway: Gateway) -> None:
    async with gateway(scripted()) as client:
        assert "gateway_jobs" not in (await client.get("/metrics")).text
