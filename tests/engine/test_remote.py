"""The remote engine against this gateway's own OpenAI routes, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from PIL import Image
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from engine import errors
from engine.config import RemoteConfig, ScriptedConfig
from engine.remote import RemoteEngine
from engine.scripted import ScriptedEngine
from engine.types import ChatRequest, MediaPart, Medium, Message, Sampling, TextPart
from gateway.app import create_app
from gateway.settings import Settings
from tests.media.samples import encoded
from tests.servers import listening


def config(url: str) -> RemoteConfig:
    return RemoteConfig(kind="remote", base_url=f"{url}/v1", model="qwen3-vl-30b", api_key="sk-secret")


def request(stream: bool = False, **sampling: Any) -> ChatRequest:
    frames = (Image.new("RGB", (40, 30), "red"),)
    return ask_about(Medium("image", "", frames=frames, digest="d"), stream, **sampling)


def ask_about(medium: Medium, stream: bool = False, **sampling: Any) -> ChatRequest:
    content = (MediaPart(medium), TextPart("What is this?"))
    return ChatRequest(
        id="r1",
        model="far-model",
        messages=(Message(role="user", content=content),),
        sampling=Sampling(**sampling),
        stream=stream,
    )


@asynccontextmanager
async def remote(app: Any) -> AsyncIterator[RemoteEngine]:
    async with listening(app) as url:
        engine = RemoteEngine("far-model", config(url))
        await engine.load()
        try:
            yield engine
        finally:
            await engine.aclose()


@asynccontextmanager
async def gateway_server(scripted: ScriptedEngine) -> AsyncIterator[RemoteEngine]:
    app = create_app(Settings(), engine=scripted, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        while not scripted.health().ready:
            await asyncio.sleep(0)
        async with remote(app) as engine:
            yield engine


def server(answer: Callable[[int], Response | Awaitable[Response]]) -> Starlette:
    """A server that answers its n-th chat request with `answer(n)`; `app.state.asked` counts."""

    async def chat(request: Request) -> Response:
        app.state.asked += 1
        reply = answer(app.state.asked)
        return reply if isinstance(reply, Response) else await reply

    async def models(request: Request) -> Response:
        return JSONResponse({"data": []})

    app = Starlette(
        routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/v1/models", models)]
    )
    app.state.asked = 0
    return app


async def test_a_whole_answer_is_one_chunk() -> None:
    far = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", answer="A red field."))
    async with gateway_server(far) as engine:
        chunks = [chunk async for chunk in engine.generate(request(max_tokens=9, temperature=0.5))]
    assert len(chunks) == 1
    assert chunks[0].model == "far-model"
    assert chunks[0].choices[0].content == "A red field."
    assert chunks[0].usage is not None
    assert chunks[0].usage.completion_tokens == 4
    seen = far.seen[0]
    assert (seen.sampling.max_tokens, seen.sampling.temperature) == (9, 0.5)
    assert seen.media[0].frames[0].size == (40, 30)
    assert seen.media[0].frames[0].getpixel((0, 0)) == (255, 0, 0)


async def test_a_picture_that_nobody_changed_goes_out_as_the_file_that_came() -> None:
    file = encoded(form="JPEG")
    far = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
    medium = Medium("image", "", data=file, as_sent="image/jpeg", frames=(Image.new("RGB", (40, 30)),))
    async with gateway_server(far) as engine:
        async for _ in engine.generate(ask_about(medium)):
            pass
    assert (far.seen[0].media[0].data, far.seen[0].media[0].mime) == (file, "image/jpeg")


async def test_a_stream_is_many_chunks_with_usage_on_the_last() -> None:
    far = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", answer="A red field."))
    async with gateway_server(far) as engine:
        chunks = [chunk async for chunk in engine.generate(request(stream=True))]
    assert "".join(c.content for chunk in chunks for c in chunk.choices) == "A red field."
    assert chunks[-1].usage is not None
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"


PIECE = 'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'
FINISH = 'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'


@pytest.mark.parametrize("end", ["", FINISH, "data: [DONE]\n\n"], ids=["broken", "finish", "done"])
async def test_a_stream_that_ends_before_its_answer_is_no_answer(end: str) -> None:
    app = server(lambda n: Response(PIECE + end, media_type="text/event-stream"))
    async with remote(app) as engine:
        heard = ""
        with contextlib.nullcontext() if end else pytest.raises(errors.EngineUnavailable):
            async for chunk in engine.generate(request(stream=True)):
                heard += "".join(choice.content for choice in chunk.choices)
    assert heard == "half"


@pytest.mark.parametrize("stream", [False, True])
async def test_only_a_stream_is_heard_of_while_it_runs(stream: bool) -> None:
    """A whole answer may be long in coming: nothing but its caller's deadline bounds it."""
    whole = {"choices": [{"index": 0, "message": {"content": "late"}, "finish_reason": "stop"}]}

    async def late() -> Response:
        await asyncio.sleep(0.5)
        return JSONResponse(whole)

    async with listening(server(lambda n: late())) as url:
        engine = RemoteEngine("far-model", config(url).model_copy(update={"read_timeout_s": 0.2}))
        await engine.load()
        with pytest.raises(errors.GenerationFailed) if stream else contextlib.nullcontext():
            chunks = [chunk async for chunk in engine.generate(request(stream))]
            assert chunks[0].choices[0].content == "late"
        await engine.aclose()


async def test_what_did_not_reach_the_model_is_tried_again() -> None:
    good = {"choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}]}
    app = server(lambda n: JSONResponse(good) if n == 3 else PlainTextResponse("busy", 503))
    async with remote(app) as engine:
        chunks = [chunk async for chunk in engine.generate(request())]
    assert chunks[0].choices[0].content == "ok"
    assert app.state.asked == 3


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, "busy", errors.Overloaded),
        (429, "slow down", errors.Overloaded),
        (400, "bad", errors.InvalidRequest),
        (400, "This model's maximum context length is 9 tokens.", errors.ContextTooLong),
        (401, "no key", errors.EngineUnavailable),
        (500, "Traceback: secret", errors.GenerationFailed),
        (200, "not json", errors.GenerationFailed),
        (200, '{"error": {"message": "secret", "code": 500}}', errors.GenerationFailed),
        (200, '{"error": {"message": "secret", "code": 400}}', errors.InvalidRequest),
    ],
)
async def test_a_refusal_is_our_error_and_its_words_stay_inside(
    status: int, body: str, error: type[errors.EngineError]
) -> None:
    app = server(lambda n: PlainTextResponse(body, status))
    async with remote(app) as engine:
        with pytest.raises(error) as raised:
            [chunk async for chunk in engine.generate(request())]
    assert "secret" not in str(raised.value)
    assert app.state.asked == (3 if error is errors.Overloaded else 1)


async def test_a_server_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    engine = RemoteEngine("far-model", config(f"http://127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(errors.EngineUnavailable):
        [chunk async for chunk in engine.generate(request())]
    assert engine.health().ready is False
    await engine.aclose()


def test_an_address_that_is_none_is_refused_by_the_configuration() -> None:
    with pytest.raises(ValidationError, match="no address of a server"):
        config("far-away")


async def test_leaving_a_stream_gives_the_slot_back() -> None:
    far = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", answer="word " * 50))
    async with gateway_server(far) as engine:
        async with aclosing(engine.generate(request(stream=True))) as chunks:
            await anext(chunks)
            assert engine.health().running == 1
        assert engine.health().running == 0


@pytest.fixture
def unused_tcp_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
