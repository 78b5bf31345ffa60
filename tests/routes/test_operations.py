"""Health, readiness, metrics, browsers and the doctor."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway import __version__
from gateway.cli import app
from gateway.doctor import diagnose
from gateway.settings import ServerSettings, Settings, load_settings
from tests.conftest import Gateway
from tests.pictures import square


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


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_the_command_explains_itself(flag: str) -> None:
    result = CliRunner().invoke(app, [flag])
    assert result.exit_code == 0
    assert "qwen-vl" in result.output.lower() or "gateway" in result.output.lower()
