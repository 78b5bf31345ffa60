"""What the page on dispatch says of metrics and reasons, held against the code."""

from __future__ import annotations

import asyncio
import re
import time

import pytest
from prometheus_client import Gauge, generate_latest

from gateway.runtime.loop_lag import watch_loop
from gateway.settings import Settings
from tests.dispatch.engines import HeldEngine
from tests.dispatch.house import call, house
from tests.servers import ROOT

PAGE = (ROOT / "docs/dispatch.md").read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_every_figure_on_the_page_is_measured() -> None:
    engine = HeldEngine()
    engine.let(1)
    async with house(engine) as gateway:
        await gateway.ask(call(stream=True))
        text = generate_latest(gateway.services.telemetry.registry).decode()
    for name in re.findall(r"`(gateway_\w+)", PAGE):
        assert re.search(rf"^# TYPE {name} ", text, re.MULTILINE), name


@pytest.mark.anyio
async def test_a_late_event_loop_is_seen() -> None:
    gauge = Gauge("lag", "Lag.", registry=None)
    watcher = asyncio.create_task(watch_loop(gauge))
    await asyncio.sleep(0)
    until = time.monotonic() + 0.6
    while time.monotonic() < until:
        pass  # what nobody should do on the event loop
    async with asyncio.timeout(5):
        while not gauge.collect()[0].samples[0].value:
            await asyncio.sleep(0)
    assert gauge.collect()[0].samples[0].value >= 0.2
    watcher.cancel()


def test_every_reason_of_overload_is_on_the_page() -> None:
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    reasons = set(re.findall(r'Overload\(\s*"(\w+)"', code)) | {"unhealthy"}
    for reason in reasons:
        assert f"`{reason}`" in PAGE, reason


def test_the_lanes_of_the_defaults_fit_into_an_engine() -> None:
    lanes = Settings().lanes.by_name.values()
    assert sum(lane.reserved for lane in lanes) <= 1
