"""Health, readiness, metrics, browsers and the doctor."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.routing import Route
from typer.testing import CliRunner

from engine.config import ScriptedConfig
from engine.errors import GenerationFailed, Overloaded
from engine.scripted import ScriptedEngine
from gateway import __version__
from gateway.cli import app
from gateway.doctor import diagnose
from gateway.settings import ServerSettings, Settings, load_settings
from tests.conftest import Gateway
from tests.pictures import square
from tests.scripts import scripted


async def test_live_and_ready_are_two_things(gateway: Gateway) -> None:
    engine = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
    async with gateway(engine) as client:
        assert (await client.get("/ready")).json()["status"] == "ready"
        await engine.aclose()
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/health")).json() == {"status": "ok", "version": __version__}
        refused = await client.post("/infer", json={"task": "captioning", "images": [square()]})
        assert (refused.status_code, refused.json()["code"]) == (503, 2002)


async def test_requests_are_counted_by_format_task_and_code(client: httpx.AsyncClient) -> None:
    await client.post("/infer", json={"task": "captioning", "images": [square()]})
    await client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}], "stream": True}
    )
    text = (await client.get("/metrics")).text
    assert 'gateway_requests_total{code="0",task="captioning",wire="tasks"} 1.0' in text
    assert 'gateway_requests_total{code="0",task="",wire="openai"} 1.0' in text
    assert 'gateway_tokens_total{kind="output",model="qwen3-vl-30b"}' in text
    assert 'gateway_time_to_first_chunk_seconds_count{lane="interactive"} 1.0' in text


async def test_failures_are_counted_once_wherever_they_come_from(gateway: Gateway) -> None:
    engine = scripted("one two three")
    stream = {"task": "captioning", "images": [square()], "options": {"stream": True}}
    async with gateway(engine) as client:
        engine.fail_with = Overloaded("The model is busy.")
        assert (await client.post("/infer", json=stream)).status_code == 503
        engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
        assert (await client.post("/infer", json=stream)).status_code == 200
        assert (await client.get("/v1/jobs")).status_code == 503  # without a state store
        await engine.aclose()
        assert (await client.post("/infer", json=stream)).status_code == 503
        assert (await client.get("/ready")).status_code == 503  # says how things are, and is no failure
        assert (await client.get("/nothing")).status_code == 404
        lines = (await client.get("/metrics")).text.splitlines()
    counted = {line for line in lines if line.startswith("gateway_failures_total{")}
    assert {line for line in counted if not line.endswith(" 0.0")} == {
        'gateway_failures_total{code="2001"} 1.0',
        'gateway_failures_total{code="2002"} 2.0',
        'gateway_failures_total{code="2004"} 1.0',
    }


@pytest.mark.parametrize("path", ["/broken", "/v1/broken", "/v1/messages/broken"])
async def test_what_nobody_foresaw_is_5000_in_the_format_of_the_path(gateway: Gateway, path: str) -> None:
    async def broken(request: Request) -> None:
        raise LookupError("a secret of the server")

    async with gateway() as client:
        client._transport.app.router.routes.insert(0, Route(path, broken))  # type: ignore[attr-defined]
        reply = await client.get(path, headers={"x-request-id": "mine"})
        metrics = (await client.get("/metrics")).text
    assert (reply.status_code, reply.headers["content-type"]) == (500, "application/json")
    assert reply.headers.get_list("x-request-id") == ["mine"]
    assert ("request-id" in reply.headers) == (path == "/v1/messages/broken")
    assert "code 5000" in reply.text or reply.json()["code"] == 5000
    assert "secret" not in reply.text
    assert 'gateway_failures_total{code="5000"} 1.0' in metrics


async def test_browsers_of_configured_origins_may_call(gateway: Gateway) -> None:
    settings = Settings(server=ServerSettings(cors_origins=["https://app.example"]))
    ask = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,authorization",
    }
    async with gateway(settings=settings) as client:
        allowed = await client.options("/infer", headers={"origin": "https://app.example", **ask})
        refused = await client.options("/infer", headers={"origin": "https://evil.example", **ask})
        reply = await client.get("/health", headers={"origin": "https://app.example"})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in refused.headers
    assert "X-Request-ID" in reply.headers["access-control-expose-headers"]


async def test_no_origin_is_allowed_unless_configured(client: httpx.AsyncClient) -> None:
    reply = await client.get("/health", headers={"origin": "https://app.example"})
    assert "access-control-allow-origin" not in reply.headers


def test_the_doctor_finds_a_healthy_machine_healthy() -> None:
    findings = diagnose(load_settings(flags={"server": {"port": 0}}))
    assert [finding.what for finding in findings if finding.state == "broken"] == []
    assert "vLLM" in {finding.what for finding in findings}


def test_the_doctor_names_what_is_broken_and_the_cure(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "gateway.yaml"
        config.write_text(
            f"server: {{port: {port}}}\n"
            f"models:\n"
            f"  near: {{engine: {{kind: vllm, model: {tmp_path}, adapters: {{bills: {tmp_path}}}}}}}\n"
            f"  far: {{engine: {{kind: remote, base_url: 'http://127.0.0.1:1/v1', model: m}}}}\n"
        )
        result = CliRunner().invoke(app, ["doctor", "--config", str(config)], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    broken = [line for line in result.output.splitlines() if line.startswith("broken")]
    assert len(broken) == 4
    assert result.output.count("→") >= 4


def test_a_gateway_at_an_address_of_another_machine_does_not_hide_that_it_is_none_of_this_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.doctor._gateway_at", lambda host, port: __version__)
    findings = diagnose(load_settings(flags={"server": {"host": "192.0.2.1", "port": 8000}}))
    (port,) = (finding for finding in findings if finding.what == "port")
    assert port.state == "broken"
    assert "server.host" in port.cure


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_the_command_explains_itself(flag: str) -> None:
    result = CliRunner().invoke(app, [flag])
    assert result.exit_code == 0
    assert "qwen-vl" in result.output.lower() or "gateway" in result.output.lower()
