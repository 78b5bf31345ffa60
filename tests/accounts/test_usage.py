"""What was used: counted once, kept over restarts, told to those whom it concerns."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.usage.meter import today
from gateway.usage.sqlite import Sqlite
from tests.accounts.conftest import ADMIN_KEY, MODEL, Guard, Guarded
from tests.pictures import square
from tests.scripts import scripted

pytestmark = pytest.mark.anyio


async def usage(one: Guarded, key: str, **asked: str) -> Any:
    reply = await one.client.get("/v1/usage", params=asked, headers={"authorization": f"Bearer {key}"})
    assert reply.status_code == 200, reply.text
    return reply.json()


async def test_a_key_sees_its_own_use_and_the_admin_everybodys(guard: Guard) -> None:
    prices = {MODEL: {"input": 1, "output": 2}}
    async with (
        guard(admin_key=ADMIN_KEY, prices=prices) as one,
        guard(admin_key=ADMIN_KEY, prices=prices) as two,
    ):
        mine, yours = await one.key("me"), await one.key("you")
        replies = [await gate.chat(mine) for gate in (one, two)]
        await one.chat(yours)
        body = {"task": "captioning", "images": [square(side=256)]}
        await one.client.post("/infer", json=body, headers={"authorization": f"Bearer {mine}"})
        await one.chat(mine, temperature=9)  # refused as it is read: no use of the model
        await two.services.accounts.meter.flush()
        found = await usage(one, mine, by="task")
        chat, captioning = {row["task"]: row for row in found["rows"]}["chat"], found["rows"][0]
        assert chat["requests"] == 2
        assert chat["input_tokens"] == sum(reply.json()["usage"]["prompt_tokens"] for reply in replies)
        assert chat["output_tokens"] == sum(reply.json()["usage"]["completion_tokens"] for reply in replies)
        assert chat["cost"] == pytest.approx((chat["input_tokens"] + 2 * chat["output_tokens"]) / 1e6)
        assert captioning["image_tokens"] >= 64
        assert found["total"]["requests"] == 3
        everybody = await usage(one, ADMIN_KEY, by="tenant")
        assert {row["tenant"]: row["requests"] for row in everybody["rows"]} == {"me": 3, "you": 1}
        one_of_them = await usage(one, ADMIN_KEY, tenant="you")
        assert one_of_them["total"]["requests"] == 1
        assert one.metric("gateway_tenant_requests_total", tenant="me", outcome="done") == 2
        assert one.metric("gateway_tenant_tokens_total", tenant="you", kind="output") > 0


@pytest.mark.parametrize("asked", [{"by": "colour"}, {"since": "soon"}, {"since": "2026-13-01"}, {"of": "x"}])
async def test_a_question_that_makes_no_sense_is_refused(guard: Guard, asked: dict[str, str]) -> None:
    async with guard() as one:
        headers = {"authorization": f"Bearer {await one.key()}"}
        reply = await one.client.get("/v1/usage", params=asked, headers=headers)
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "invalid_request"


async def test_failed_and_abandoned_requests_are_counted_as_errors(guard: Guard) -> None:
    engine = scripted("one two three", token_delay_ms=20)
    async with guard(engine=engine) as one:
        key = await one.key()
        engine.fail_with = RuntimeError()
        assert (await one.chat(key)).status_code == 500
        engine.fail_with = None
        task = asyncio.create_task(one.chat(key))
        while len(engine.seen) < 2:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.chat(key)
        total = (await usage(one, key))["total"]
        assert (total["requests"], total["errors"]) == (3, 2)


async def test_a_gateway_that_ends_leaves_its_figures_in_the_history(guard: Guard, store: Any) -> None:
    async with guard() as one:
        key, secret = await one.keys.create(tenant="acme", tier="internal")
        await one.chat(secret)
        folder = one.services.settings.server.folder("usage")
    await store.aclose()
    table = Sqlite(folder / "usage.db").read(today(), today())
    assert [(row.key, sums[0]) for row, sums in table.items()] == [(key.id, 1)]


async def test_without_a_state_store_the_history_has_it_all(tmp_path: Path) -> None:
    from tests.conftest import QUICK, scripted_gateway

    body = {"messages": [{"role": "user", "content": "Hi"}]}
    for count in (1, 2):
        async with scripted_gateway(settings=QUICK) as client:
            await client.post("/v1/chat/completions", json=body)
            found = (await client.get("/v1/usage", params={"by": "key"})).json()
            assert [(row["key"], row["requests"]) for row in found["rows"]] == [("local", count)]


async def test_the_command_prints_tables_csv_and_json(guard: Guard, store: Any, tmp_path: Path) -> None:
    async with guard() as one:
        key, secret = await one.keys.create(tenant="acme", tier="internal")
        await one.chat(secret)
    config = tmp_path / "gateway.yaml"
    config.write_text(f"state: {{url: '{store.url}'}}\n")

    def run(*flags: str) -> str:
        result = CliRunner().invoke(app, ["usage", "-c", str(config), *flags])
        assert result.exit_code == 0, result.output
        return result.stdout

    table = await asyncio.to_thread(run)
    assert key.id in table
    assert "input_tokens" in table.splitlines()[0]
    rows = list(
        csv.DictReader(io.StringIO(await asyncio.to_thread(run, "--by", "tenant", "--format", "csv")))
    )
    assert (rows[0]["tenant"], rows[0]["requests"]) == ("acme", "1")
    found = json.loads(await asyncio.to_thread(run, "--since", "1d", "--format", "json"))
    assert found["total"]["requests"] == 1


async def test_only_so_many_tenants_have_metrics_of_their_own(guard: Guard) -> None:
    async with guard(usage={"metric_tenants": 1}) as one:
        for tenant in ("first", "second", "third"):
            await one.chat(await one.key(tenant))
        requests = {
            tenant: one.metric("gateway_tenant_requests_total", tenant=tenant, outcome="done")
            for tenant in ("first", "second", "third", "others")
        }
        assert requests == {"first": 1, "second": 0, "third": 0, "others": 2}
