"""What a Prometheus of each kind is given to read."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.app import create_app
from tests.conftest import QUICK

PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1"
)


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3, "*/*", ""])
async def test_the_engines_figures_keep_their_names_with_a_colon(accept: str) -> None:
    registry = CollectorRegistry()
    Counter("vllm:generation_tokens", "Tokens.", ["engine"], registry=registry).labels("0").inc(7)
    app = create_app(QUICK, engine=ScriptedEngine("m", ScriptedConfig(kind="scripted")), registry=registry)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            reply = await client.get("/metrics", headers={"accept": accept})
    assert 'vllm:generation_tokens_total{engine="0"} 7.0' in reply.text.splitlines()
    if reply.headers["content-type"].startswith("application/openmetrics-text"):
        names = [family.name for family in text_string_to_metric_families(reply.text)]
        assert len(names) == len(set(names)) > 20
