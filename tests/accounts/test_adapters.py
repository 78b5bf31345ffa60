"""An adapter's name is a name of its own to scopes and prices."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.accounts.orders import key_fields, order_of
from gateway.principal import Scopes
from gateway.settings import Settings
from tests.accounts.conftest import ADMIN_KEY, MODEL, Guard, Guarded
from tests.scripts import scripted

pytestmark = pytest.mark.anyio

ADAPTERS = {"invoices": "Total: 12.", "receipts": "Paid."}
MODELS = {MODEL: {"engine": {"kind": "scripted", "adapters": ADAPTERS}}}


async def cost(one: Guarded, model: str) -> dict[str, Any]:
    await one.services.accounts.meter.flush()
    asked = {"by": "model"}
    reply = await one.client.get("/v1/usage", params=asked, headers={"authorization": f"Bearer {ADMIN_KEY}"})
    return next(row for row in reply.json()["rows"] if row["model"] == model)


async def test_a_key_for_an_adapter_may_ask_it_and_not_its_model(guard: Guard) -> None:
    async with guard(models=MODELS, engine=scripted("Hello.", adapters=ADAPTERS)) as one:
        key = await one.key(scopes=Scopes(models=("invoices",)))
        allowed, refused = [await one.chat(key, model=model) for model in ("invoices", MODEL)]
    assert allowed.json()["choices"][0]["message"]["content"] == "Total: 12."
    assert refused.status_code == 403


async def test_an_adapter_costs_what_its_model_costs_unless_it_has_a_price(guard: Guard) -> None:
    prices = {MODEL: {"output": 500_000}, "receipts": {"output": 1_000_000}}
    engine = scripted("Hello.", adapters=ADAPTERS)
    async with guard(models=MODELS, engine=engine, prices=prices, admin_key=ADMIN_KEY) as one:
        key = await one.key()
        tokens = [(await one.chat(key, model=m)).json()["usage"]["completion_tokens"] for m in ADAPTERS]
        assert (await cost(one, "invoices"))["cost"] == tokens[0] / 2
        assert (await cost(one, "receipts"))["cost"] == tokens[1]


def test_a_key_is_ordered_for_an_adapter_by_its_name() -> None:
    order = order_of({"tenant": "acme", "models": ["invoices"]})
    assert key_fields(order, Settings(models=MODELS), ())["scopes"].models == ("invoices",)
