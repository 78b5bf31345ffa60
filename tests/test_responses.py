"""What happens to the engine when clients leave, and to clients when time runs out."""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.types import ASGIApp, Message

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.app import create_app
from gateway.responses import PipelineResponse
from tests.conftest import QUICK
from tests.pictures import square

BODY = {"task": "captioning", "images": [square()]}


class Client:
    """One raw ASGI exchange whose client can leave at any moment."""

    def __init__(self, app: ASGIApp, path: str, body: dict[str, Any]) -> None:
        self.sent: list[Message] = []
        self._gone = asyncio.Event()
        self._progress = asyncio.Condition()
        self._body: bytes | None = json.dumps(body).encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "state": {},
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))  # type: ignore[arg-type]

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        async with self._progress:
            self.sent.append(message)
            self._progress.notify_all()

    async def got(self, count: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: len(self.sent) >= count)

    def leave(self) -> None:
        self._gone.set()


class Gateway:
    def __init__(self, **config: Any) -> None:
        self.engine = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", **config))
        self.registry = CollectorRegistry()
        self.app = create_app(QUICK, engine=self.engine, registry=self.registry)
        self._lifespan = self.app.router.lifespan_context(self.app)

    async def __aenter__(self) -> Gateway:
        await self._lifespan.__aenter__()
        while not self.engine.health().ready:
            await asyncio.sleep(0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._lifespan.__aexit__(None, None, None)

    def client(self, path: str, body: dict[str, Any] = BODY) -> Client:
        return Client(self.app, path, body)

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


async def test_a_client_that_leaves_mid_stream_ends_the_work_in_the_engine() -> None:
    async with Gateway(answer="word " * 1000, token_delay_ms=5) as gateway:
        client = gateway.client("/infer_stream")
        await client.got(4)
        assert gateway.engine.health().running == 1
        client.leave()
        await client.task
        assert gateway.engine.health().running == 0
        assert len(gateway.engine.aborted) == 1
        assert gateway.count("gateway_client_disconnects_total", wire="tasks") == 1
        assert gateway.count("gateway_inflight", lane="interactive") == 0


async def test_a_client_that_leaves_while_it_waits_for_a_whole_answer_ends_it_too() -> None:
    async with Gateway(first_token_delay_ms=60_000) as gateway:
        client = gateway.client("/infer")
        while not gateway.engine.seen:
            await asyncio.sleep(0)
        client.leave()
        await client.task
        assert gateway.engine.health().running == 0
        assert client.sent == []


async def test_leaving_a_document_ends_all_of_its_pages() -> None:
    async with Gateway(first_token_delay_ms=60_000) as gateway:
        body = {"task": "doc_analyze", "images": [square(c) for c in ("red", "green", "blue")]}
        client = gateway.client("/infer_stream", body)
        while len(gateway.engine.seen) < 3:
            await asyncio.sleep(0.001)
        client.leave()
        await client.task
        assert gateway.engine.health().running == 0
        assert len(gateway.engine.aborted) == 3


async def test_a_client_that_leaves_after_its_answer_harms_nothing() -> None:
    async with Gateway() as gateway:
        client = gateway.client("/infer")
        await client.got(2)
        client.leave()
        await client.task
        assert client.sent[0]["status"] == 200
        assert gateway.count("gateway_client_disconnects_total", wire="tasks") == 0
        assert gateway.count("gateway_requests_total", wire="tasks", task="captioning", code="0") == 1


@pytest.mark.parametrize(
    "body", [BODY, BODY | {"task": "unheard-of"}, BODY | {"options": {"timeout_ms": 20}}]
)
async def test_what_a_request_held_is_free_as_soon_as_it_is_over(body: dict[str, Any]) -> None:
    """Pictures are large, and the collector of cycles is seldom there."""
    async with Gateway(first_token_delay_ms=50) as gateway:
        gc.collect()
        gc.disable()
        try:
            await gateway.client("/infer", body).task
            await asyncio.sleep(0.01)
            kept = [type(one) for one in gc.get_objects() if type(one) in (PipelineResponse, Request)]
            assert kept == []
        finally:
            gc.enable()


async def test_a_stopping_server_tells_its_clients_instead_of_cutting_them_off() -> None:
    async with Gateway(first_token_delay_ms=60_000) as gateway:
        client = gateway.client("/infer")
        while not gateway.engine.seen:
            await asyncio.sleep(0)
        client.task.cancel()
        await client.task
        assert client.sent[0]["status"] == 503
        assert b"shutting down" in client.sent[1]["body"]
        assert gateway.engine.health().running == 0


async def test_time_that_runs_out_mid_stream_is_said_in_the_stream() -> None:
    async with Gateway(answer="word " * 1000, token_delay_ms=20) as gateway:
        client = gateway.client("/infer_stream", BODY | {"options": {"timeout_ms": 200}})
        await client.task
        last = client.sent[-1]["body"].decode()
        assert last.startswith("event: error")
        assert '"code":2003' in last
        assert client.sent[-1]["more_body"] is False
        assert len(gateway.engine.aborted) == 1


async def test_a_gateway_that_drains_still_answers_what_reaches_it() -> None:
    """Its proxy learns a moment later that it goes; until then nobody is turned away."""
    async with Gateway() as gateway:
        gateway.app.state.gateway.drain()
        client = gateway.client("/infer")
        await client.task
        assert client.sent[0]["status"] == 200


async def test_a_gateway_without_its_model_refuses_in_each_format() -> None:
    async with Gateway() as gateway:
        await gateway.engine.aclose()
        for path in ("/infer", "/v1/chat/completions"):
            client = gateway.client(path)
            await client.task
            assert client.sent[0]["status"] == 503
            assert dict(client.sent[0]["headers"])[b"retry-after"]
            assert b"2002" in client.sent[1]["body"]
