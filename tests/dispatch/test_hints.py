"""What request headers ask of the gateway itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.call import CacheControl
from gateway.errors import GatewayError
from gateway.hints import read_cache_control, read_hints
from tests.conftest import Gateway
from tests.dispatch.engines import HeldEngine
from tests.pictures import square

CHAT = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", CacheControl()),
        ("no-cache", CacheControl(no_cache=True)),
        ("No-Store, max-age=60", CacheControl(no_store=True, max_age=60)),
        ("max-age=0", CacheControl(no_cache=True, max_age=0)),
        ('max-age="30"', CacheControl(max_age=30)),
        ("max-age=soon, only-if-cached", CacheControl()),
        ("max-age=" + "9" * 40, CacheControl()),
    ],
)
def test_cache_control_is_read_as_http_has_it(text: str, meaning: CacheControl) -> None:
    assert read_cache_control(text) == meaning


@given(st.text())
def test_no_cache_control_breaks_anything(text: str) -> None:
    read_cache_control(text)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-lane": "express"},
        {"x-allow-degraded": "maybe"},
        {"x-timeout-ms": "0"},
        {"x-timeout-ms": "soon"},
        {"x-timeout-ms": "9" * 5000},
    ],
)
def test_a_header_that_cannot_be_understood_is_named(headers: dict[str, str]) -> None:
    (name,) = headers
    with pytest.raises(GatewayError) as refused:
        read_hints(headers)
    assert (refused.value.param or "").lower() == name


@pytest.mark.parametrize(
    ("asked", "natural", "lane"),
    [
        ("batch", "interactive", "batch"),
        ("interactive", "batch", "batch"),
        ("interactive", "video", "video"),
        ("batch", "video", "video"),
        ("video", "interactive", "interactive"),
    ],
)
def test_a_header_may_only_demote(asked: str, natural: Any, lane: str) -> None:
    assert read_hints({"x-lane": asked}).lane_for(natural) == lane


@pytest.mark.anyio
async def test_a_demoted_request_waits_in_the_batch_lane_with_its_time_limit(gateway: Gateway) -> None:
    engine = HeldEngine()
    engine.let(1)
    async with gateway(engine) as client:
        reply = await client.post("/v1/chat/completions", json=CHAT, headers={"x-lane": "batch"})
    assert reply.status_code == 200
    assert "x-queue-ms" in reply.headers
    assert engine.seen[0].priority == 22


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/infer", "/v1/chat/completions"])
async def test_a_time_limit_in_a_header_holds_for_every_format(gateway: Gateway, path: str) -> None:
    engine = ScriptedEngine("m", ScriptedConfig(kind="scripted", first_token_delay_ms=20_000))
    body = CHAT if path.startswith("/v1") else {"task": "captioning", "images": [square()]}
    async with gateway(engine) as client:
        reply = await client.post(path, json=body, headers={"x-timeout-ms": "40"})
    assert reply.status_code == 504
