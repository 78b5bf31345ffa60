"""Figures of several processes as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.openmetrics.exposition import generate_latest

from gateway.telemetry.siblings import Siblings

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def together(folder: Path, *registries: CollectorRegistry) -> AsyncIterator[list[Siblings]]:
    siblings = [
        Siblings(folder, number, len(registries), registry) for number, registry in enumerate(registries)
    ]
    await asyncio.gather(*(one.start() for one in siblings))
    yield siblings
    await asyncio.gather(*(one.aclose() for one in siblings))


async def text(one: Siblings) -> list[str]:
    return generate_latest(await one.all()).decode().splitlines()  # type: ignore[arg-type]


async def test_counts_and_parts_add_up_and_states_are_the_worst_or_the_largest(tmp_path: Path) -> None:
    registries = [CollectorRegistry() for _ in range(3)]
    for number, registry in enumerate(registries, 1):
        Counter("gateway_requests", "", ("code",), registry=registry).labels("0").inc(number)
        Gauge("gateway_inflight", "", registry=registry).set(number)
        Gauge("gateway_ready", "", registry=registry).set(number > 1)
        Gauge("gateway_event_loop_lag_seconds", "", registry=registry).set(number)
        Histogram("seconds", "", buckets=(1, 5), registry=registry).observe(number)
    async with together(tmp_path, *registries) as siblings:
        told = [await text(one) for one in siblings]
    for lines in told:
        assert 'gateway_requests_total{code="0"} 6.0' in lines
        assert "gateway_inflight 6.0" in lines
        assert "gateway_ready 0.0" in lines
        assert "gateway_event_loop_lag_seconds 3.0" in lines
        assert 'seconds_bucket{le="1.0"} 1.0' in lines
        assert "seconds_sum 6.0" in lines


async def test_an_exemplar_of_any_of_them_is_kept(tmp_path: Path) -> None:
    one, other = CollectorRegistry(), CollectorRegistry()
    Histogram("seconds", "", buckets=(1,), registry=one)
    Histogram("seconds", "", buckets=(1,), registry=other).observe(0.5, {"trace_id": "abc"})
    async with together(tmp_path, one, other) as (first, _):
        assert any('trace_id="abc"' in line for line in await text(first))


async def test_one_that_has_ended_is_left_out(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    Counter("gateway_requests", "", registry=registry).inc()
    async with together(tmp_path, registry) as _:
        lonely = Siblings(tmp_path, 1, 3, registry)
        await lonely.start()
        assert "gateway_requests_total 2.0" in await text(lonely)
        await lonely.aclose()
