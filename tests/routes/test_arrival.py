"""How requests arrive: slowly, endlessly, or too many large ones at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from gateway.connection import MAX_HEAD, Connection
from gateway.runtime.transport import Joined
from gateway.settings import ServerSettings, Settings
from tests.conftest import QUICK, scripted_gateway
from tests.dispatch.engines import HeldEngine

JSON = {"content-type": "application/json"}
PATHS = ("/infer", "/v1/chat/completions", "/v1/messages", "/v1/jobs")


def served(**server: float) -> Settings:
    return QUICK.model_copy(update={"server": ServerSettings(**server)})


def large(size: int) -> bytes:
    body = {"messages": [{"role": "user", "content": "Hi"}], "padding": "x" * size}
    return json.dumps(body).encode()


async def a_body_that_stops() -> AsyncIterator[bytes]:
    yield b'{"messages"'
    await asyncio.Event().wait()


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_stops_on_its_way_is_given_up_with_a_clear_408(path: str) -> None:
    async with scripted_gateway(settings=served(body_timeout_s=0.05)) as client:
        reply = await client.post(path, content=a_body_that_stops(), headers=JSON)
        assert reply.status_code == 408
        assert "(code 1016)" in reply.text
        assert reply.headers["connection"] == "close"


async def test_what_does_not_fit_beside_the_bodies_in_progress_may_come_again_later() -> None:
    engine = HeldEngine()
    async with scripted_gateway(engine, served(max_bodies_mb=0.1)) as client:
        path = "/v1/chat/completions"
        first = asyncio.create_task(client.post(path, content=large(80_000), headers=JSON))
        await engine.until_seen(1)

        refused = await client.post(path, content=large(80_000), headers=JSON)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "2"
        assert "(code 2001)" in refused.text
        metrics = (await client.get("/metrics")).text
        assert f"gateway_body_bytes {float(len(large(80_000)))}" in metrics

        engine.let(2)
        assert (await first).status_code == 200
        assert "gateway_body_bytes 0.0" in (await client.get("/metrics")).text
        assert (await client.post(path, content=large(80_000), headers=JSON)).status_code == 200


async def test_a_length_that_is_only_declared_takes_no_room_from_others() -> None:
    async with scripted_gateway(settings=served(max_bodies_mb=0.1)) as client:
        path, length = "/v1/chat/completions", {"content-length": "99000"}
        idle = asyncio.create_task(client.post(path, content=a_body_that_stops(), headers=JSON | length))
        for _ in range(20):
            await asyncio.sleep(0)
        assert (await client.post(path, content=large(80_000), headers=JSON)).status_code == 200
        idle.cancel()


async def test_a_body_of_undeclared_length_is_counted_as_it_comes() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10_000

    async with scripted_gateway(settings=served(max_bodies_mb=0.1)) as client:
        reply = await client.post("/infer", content=chunks(), headers=JSON)
        assert (reply.status_code, reply.json()["code"]) == (503, 2001)


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection to an application that answers everything with 204."""

    async def app(scope: object, receive: object, send: object) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    class Impatient(Connection):
        head_timeout_s = 0.05

    config, state = Config(app, log_config=None), ServerState()  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Impatient(config, state, {}, loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with server:
        yield reader, writer
        writer.close()


@pytest.mark.parametrize(
    "said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"], ids=["silent", "line", "head"]
)
async def test_a_connection_that_does_not_say_what_it_wants_is_closed(said: bytes) -> None:
    async with connected() as (reader, writer):
        writer.write(said)
        assert await reader.read() == b""


async def test_a_connection_that_has_asked_may_ask_again() -> None:
    async with connected() as (reader, writer):
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert b"204" in await reader.readuntil(b"\r\n\r\n")


async def test_a_head_without_an_end_is_refused() -> None:
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n" + b"a: " + b"x" * (MAX_HEAD + 1))
        assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")


class Wire:
    """A transport that remembers what was written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


async def test_what_a_reply_writes_in_one_turn_goes_out_as_one() -> None:
    wire = Wire()
    joined = Joined(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
    for data in (b"head", b"", b"body"):
        joined.write(data)
    assert wire.writes == []
    await asyncio.sleep(0)
    assert wire.writes == [b"headbody"]

    joined.write(b"at once")
    joined.flush()
    await asyncio.sleep(0)
    assert wire.writes == [b"headbody", b"at once"]

    joined.write(b"x" * 100_000)
    assert len(wire.writes) == 3

    joined.write(b"the last")
    joined.close()
    await asyncio.sleep(0)
    assert wire.writes[3:] == [b"the last"]
    assert wire.closed
