"""The embedded engine's own span, in the trace of its request."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.conftest import Start
from tests.telemetry.collector import collector

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
async def test_vllm_says_in_the_same_trace_what_it_did(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.servers.BOOT_LIMIT_S", 600)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
    async with collector() as own:
        config = f"{{models: {{m: {{engine: {{kind: vllm}}}}}}, telemetry: {{otlp_endpoint: '{own.url}'}}}}"
        server = await asyncio.to_thread(start, config)
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            body = {"messages": [{"role": "user", "content": "What can you do?"}]}
            headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            assert (await client.post("/v1/chat/completions", json=body, headers=headers)).status_code == 200
        mine: list[str] = []
        async with asyncio.timeout(30):
            while not {"llm_request", "POST /v1/chat/completions", "chat m"} <= set(mine):
                mine = [span.name for span in own.spans if span.trace_id.hex() == TRACE]
                await asyncio.sleep(0.1)
        chat, engine = (
            own.named("chat m"),
            next(span for span in own.spans if span.name == "llm_request" and span.trace_id.hex() == TRACE),
        )
        assert engine.parent_span_id == chat.span_id
