"""Rules, alerts, dashboards and the runbook, held against one another and against a gateway under load."""

from __future__ import annotations

import asyncio
import importlib.util
import re

import httpx
import pytest
import yaml

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.settings import ModelSettings, StateSettings
from tests.conftest import QUICK, scripted_gateway
from tests.deploy.promql import RULES, alerts, exposed, metrics, panels, recorded
from tests.servers import ROOT, RunningServer

ADDED_BY_PROMETHEUS = {"up"}
OF_THE_PROCESS = "process_"
OF_THE_ENGINE = "vllm:"
TWO_MODELS = {
    "large": {"engine": {"kind": "scripted"}, "fallback": "small"},
    "small": {"engine": {"kind": "scripted"}},
}


def asked() -> set[str]:
    """Every metric that rules and dashboards name, recorded ones resolved."""
    expressions = [*recorded().values(), *(alert["expr"] for alert in alerts().values())]
    expressions += [expression for _, expression in panels()]
    return {name for expression in expressions for name in metrics(expression)} - ADDED_BY_PROMETHEUS


async def loaded() -> str:
    """The metrics of a gateway that has answered, streamed, and seen a client leave."""
    settings = QUICK.model_copy(
        update={
            "models": {name: ModelSettings.model_validate(model) for name, model in TWO_MODELS.items()},
            "state": StateSettings(),
        }
    )
    engine = ScriptedEngine("large", ScriptedConfig(kind="scripted"))
    async with scripted_gateway(engine, settings) as client:
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        await asyncio.gather(
            *(
                client.post("/v1/chat/completions", json=body | {"stream": stream})
                for stream in (True, False) * 4
            )
        )
        async with asyncio.timeout(20):
            while "gateway_jobs{" not in (text := (await client.get("/metrics")).text):
                await asyncio.sleep(0.05)
        return text


async def test_every_metric_that_is_asked_for_is_there_before_anything_goes_wrong() -> None:
    names = exposed(await loaded()) | recorded().keys()
    missing = {name for name in asked() - names if not name.startswith((OF_THE_PROCESS, OF_THE_ENGINE))}
    # Their labels are not known before the first one: whose client leaves (its rule reads it with
    # `or vector(0)`), and who pays.
    assert missing <= {"gateway_client_disconnects_total", "gateway_tenant_cost_total"}


@pytest.mark.engine
def test_every_metric_of_the_engine_and_the_process_is_there(server: RunningServer) -> None:
    httpx.post(
        f"{server.url}/v1/chat/completions",
        json={"messages": [{"role": "user", "content": "What can you do?"}]},
        timeout=60,
    )
    names = exposed(httpx.get(f"{server.url}/metrics").text)
    assert {name for name in asked() if name.startswith((OF_THE_PROCESS, OF_THE_ENGINE))} <= names


def test_every_alert_has_a_unit_test_and_says_how_bad_it_is() -> None:
    tests = yaml.safe_load((RULES / "tests.yaml").read_text())["tests"]
    tested = {
        one["alertname"] for test in tests for one in test.get("alert_rule_test", ()) if one.get("exp_alerts")
    }
    assert alerts().keys() == tested
    for alert in alerts().values():
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"]["summary"]


def test_every_alert_has_its_section_in_the_runbook_and_no_section_is_left_over() -> None:
    page = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert sections == list(alerts())


def test_recorded_series_are_named_by_the_convention_and_used() -> None:
    used = {name for alert in alerts().values() for name in metrics(alert["expr"])}
    used |= {name for _, expression in panels() for name in metrics(expression)}
    for name in recorded():
        assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", name)
        assert name in used, f"nobody reads {name}"


def test_the_dashboards_are_those_of_their_source() -> None:
    spec = importlib.util.spec_from_file_location("dashboards", ROOT / "deploy/grafana/build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for path, text in module.build().items():
        assert path.read_text() == text, "run: python deploy/grafana/build.py"


def test_the_gateways_own_metrics_have_few_series() -> None:
    """Labels come from tables: no user can make a series."""
    text = asyncio.run(loaded())
    own = [line for line in text.splitlines() if line.startswith("gateway_") and "_bucket" not in line]
    assert len(own) < 300
