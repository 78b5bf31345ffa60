"""Traces, as a collector gets them over its own protocol."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from engine.config import RemoteConfig, ScriptedConfig
from engine.remote import RemoteEngine
from engine.scripted import ScriptedEngine
from gateway.app import create_app
from gateway.settings import Settings, TelemetrySettings
from tests.conftest import QUICK, scripted_gateway
from tests.dispatch.house import call
from tests.pictures import square
from tests.servers import listening
from tests.telemetry.collector import Collector, collector, facts

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FROM_OUTSIDE = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=value"}
CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 7, "temperature": 0}
MODEL = "qwen3-vl-30b"


def traced(own: Collector, **fields: Any) -> Settings:
    return QUICK.model_copy(update={"telemetry": TelemetrySettings(otlp_endpoint=own.url, **fields)})


async def test_a_request_is_a_span_in_its_callers_trace_with_its_parts_below() -> None:
    async with collector() as own:
        async with scripted_gateway(settings=traced(own)) as client:
            body = {"task": "captioning", "images": [square()]}
            await client.post("/infer", json=body, headers=FROM_OUTSIDE)
        request = own.named("POST /infer")
        parts = {span.name: span for span in own.spans if span is not request}
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == PARENT
    assert parts.keys() == {
        "media.read",
        "cache.find",
        "media.prepare",
        "input_filter",
        "queue",
        f"chat {MODEL}",
    }
    assert {span.trace_id for span in parts.values()} == {request.trace_id}
    assert {span.parent_span_id for span in parts.values()} == {request.span_id}


async def test_spans_speak_the_conventions_for_generative_models_and_hold_no_prompt() -> None:
    async with collector() as own:
        async with scripted_gateway(settings=traced(own)) as client:
            reply = await client.post("/v1/chat/completions", json=CHAT | {"stream": True})
        request, chat = own.named("POST /v1/chat/completions"), own.named(f"chat {MODEL}")
        everything = b"".join(span.SerializeToString() for span in own.spans)
    known = facts(chat)
    assert known["gen_ai.operation.name"] == "chat"
    assert known["gen_ai.request.model"] == known["gen_ai.response.model"] == MODEL
    assert known["gen_ai.request.max_tokens"] == known["gen_ai.usage.output_tokens"] == 7
    assert known["gen_ai.response.finish_reasons"] == ["length"]
    assert [event.name for event in chat.events] == ["first chunk"]
    whole = facts(request)
    assert whole["gateway.request_id"] == reply.headers["x-request-id"]
    assert (whole["http.response.status_code"], whole["gateway.code"], whole["http.route"]) == (
        200,
        0,
        "/v1/chat/completions",
    )
    assert b"Hello" not in everything


async def test_a_failure_is_seen_in_the_trace() -> None:
    engine = ScriptedEngine(MODEL, ScriptedConfig(kind="scripted"))
    engine.fail_with = RuntimeError("secret")
    async with collector() as own:
        async with scripted_gateway(engine, traced(own)) as client:
            assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 500
        chat, request = own.named(f"chat {MODEL}"), own.named("POST /v1/chat/completions")
        everything = b"".join(span.SerializeToString() for span in own.spans)
    assert facts(chat)["error.type"] == "RuntimeError"
    assert facts(request)["error.type"] == "500"
    assert b"secret" not in everything


async def test_the_trace_goes_on_in_a_remote_engine() -> None:
    async with collector() as own:
        far = create_app(
            traced(own), engine=ScriptedEngine(MODEL, ScriptedConfig(kind="scripted")), registry=registry()
        )
        async with far.router.lifespan_context(far):
            while not far.state.gateway.ready:
                await asyncio.sleep(0)
            async with listening(far) as url:
                near = RemoteEngine(MODEL, RemoteConfig(kind="remote", base_url=f"{url}/v1", model=MODEL))
                async with scripted_gateway(near, traced(own, service_name="near")) as client:  # type: ignore[arg-type]
                    await client.post("/v1/chat/completions", json=CHAT, headers=FROM_OUTSIDE)
        spans = {span.span_id: span for span in own.spans if span.name != "GET /v1/models"}
    servers = [span for span in spans.values() if span.name == "POST /v1/chat/completions"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
    (second,) = (span for span in servers if span.parent_span_id.hex() != PARENT)
    assert spans[second.parent_span_id].name == f"chat {MODEL}"


async def test_without_tracing_the_callers_trace_is_handed_on_as_it_is() -> None:
    engine = ScriptedEngine(MODEL, ScriptedConfig(kind="scripted"))
    async with scripted_gateway(engine) as client:
        await client.post("/v1/chat/completions", json=CHAT, headers=FROM_OUTSIDE)
        await client.post("/v1/chat/completions", json=CHAT, headers={"traceparent": "00-0-0-0\r\nx: y"[:8]})
    assert [request.trace_headers for request in engine.seen] == [FROM_OUTSIDE, None]


async def test_a_collector_that_is_away_costs_no_request() -> None:
    settings = QUICK.model_copy(
        update={"telemetry": TelemetrySettings(otlp_endpoint="http://127.0.0.1:9/v1/traces")}
    )
    async with scripted_gateway(settings=settings) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 200


async def test_a_stream_that_is_left_ends_its_span() -> None:
    async with collector() as own:
        settings = traced(own)
        app = create_app(settings, engine=scripted(token_delay_ms=1), registry=registry())
        async with app.router.lifespan_context(app):
            gateway = app.state.gateway
            while not gateway.ready:
                await asyncio.sleep(0)
            async with aclosing(await gateway.handler(call(stream=True))) as events:
                await anext(events)
        assert facts(own.named(f"chat {MODEL}"))["error.type"] == "cancelled"


async def test_metrics_lead_to_traces() -> None:
    wants = {"accept": "application/openmetrics-text; version=1.0.0"}
    async with collector() as own, scripted_gateway(settings=traced(own)) as client:
        await client.post("/v1/chat/completions", json=CHAT, headers=FROM_OUTSIDE)
        text = (await client.get("/metrics", headers=wants)).text
        plain = (await client.get("/metrics")).text
    (line,) = (
        line
        for line in text.splitlines()
        if line.startswith("gateway_request_seconds_bucket") and "#" in line
    )
    assert f'# {{trace_id="{TRACE}"}}' in line
    assert TRACE not in plain


@pytest.mark.parametrize("ratio", [0, 1])
async def test_the_share_of_traced_requests_can_be_set(ratio: float) -> None:
    async with collector() as own, scripted_gateway(settings=traced(own, sample_ratio=ratio)) as client:
        await client.post("/v1/chat/completions", json=CHAT)
    assert bool(own.spans) is bool(ratio)


def scripted(**fields: Any) -> ScriptedEngine:
    return ScriptedEngine(MODEL, ScriptedConfig(kind="scripted", **fields))


def registry() -> CollectorRegistry:
    return CollectorRegistry()
