"""Who nears the end of a quota is told of, once."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from tests.accounts.conftest import Guard
from tests.media.site import site
from tests.scripts import scripted

pytestmark = pytest.mark.anyio
NEAR: Any = {"private_networks": ["127.0.0.0/8"], "ports": []}


async def test_eighty_and_a_hundred_percent_are_told_once_each_even_where_the_address_stumbles(
    guard: Guard,
) -> None:
    failures = [(500, {}, b""), (500, {}, b"")]

    async def page(headers: dict[str, str], writer: Any) -> Any:
        return failures.pop() if failures else (204, {}, b"")

    async with site({"/alerts": page}) as hook:
        url = f"http://127.0.0.1:{hook.port}/alerts"
        tiers = {"paid": {"monthly_tokens": 200, "max_tokens": 20}}
        async with guard(tiers, scripted("word " * 10), fetch=NEAR, alert_url=url) as one:
            key, secret = await one.keys.create(tenant="acme", tier="paid")
            while (await one.chat(secret)).status_code == 200:
                await one.services.accounts.ledger.settled()
            with anyio.fail_after(20):
                while len(hook.asked) < 3:
                    await anyio.sleep(0.01)
            alert = json.loads(hook.asked[-1][1]["body"])
            assert (alert["key"], alert["quota"], alert["percent"]) == (key.id, "monthly_tokens", 80)
            assert 160 <= alert["used"] < alert["limit"] == 200
            assert one.metric("gateway_quota_alerts_total", percent="80") == 1


async def test_addresses_inside_are_not_told(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    async with site({"/alerts": (204, {}, b"")}) as hook:
        url = f"http://127.0.0.1:{hook.port}/alerts"
        tiers = {"paid": {"monthly_tokens": 200, "max_tokens": 180}}
        async with guard(tiers, scripted("word " * 170), fetch={"ports": []}, alert_url=url) as one:
            assert (await one.chat(await one.key(tier="paid"))).status_code == 200
            with anyio.fail_after(20):
                while "could not be sent" not in caplog.text:
                    await anyio.sleep(0.01)
        assert hook.connections == 0
