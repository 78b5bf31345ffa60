"""The whole pipeline without HTTP, for conversations between several callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from engine.base import Engine
from engine.types import ChatRequest, Message, Sampling
from gateway.app import create_app
from gateway.call import Call, Event, Lane, new_request_id
from gateway.principal import Principal
from gateway.settings import SafetySettings, Settings
from gateway.stages.base import Handler, Services
from gateway.stream import Reply, fold

MODEL = "qwen3-vl-30b"


def call(text: str = "Hello", *, lane: Lane = "interactive", stream: bool = False, **fields: Any) -> Call:
    """A question whose answer may be kept."""
    chat = ChatRequest(
        id=new_request_id(),
        model=fields.pop("model", MODEL),
        messages=(Message(role="user", content=text),),
        sampling=fields.pop("sampling", Sampling(temperature=0.0)),
        stream=stream,
    )
    deadline = time.monotonic() + fields.pop("timeout_s", 60)
    if tenant := fields.pop("tenant", None):
        fields["principal"] = Principal("key", f"key_{tenant}", tenant)
    return Call(request_id=chat.id, chat=chat, wire="openai", lane=lane, deadline=deadline, **fields)


class House:
    def __init__(self, handler: Handler, services: Services) -> None:
        self.handler = handler
        self.services = services

    async def ask(self, question: Call) -> Reply:
        """The whole answer, within the call's own deadline, as the response class reads it."""
        async with asyncio.timeout_at(question.deadline):
            return await fold(await self.handler(question))

    def begin(self, question: Call) -> asyncio.Task[Reply]:
        return asyncio.create_task(self.ask(question))

    @asynccontextmanager
    async def listen(self, question: Call) -> AsyncIterator[AsyncIterator[Event]]:
        """The events as they come; leaving is what a client does that hangs up."""
        async with aclosing(await self.handler(question)) as events:
            yield events

    def metric(self, name: str, **labels: str) -> float:
        return self.services.telemetry.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def house(engine: Engine | Mapping[str, Engine], **settings: Any) -> AsyncIterator[House]:
    """A pipeline put together and started as the gateway does it."""
    settings = {"safety": SafetySettings(classify_images=False)} | settings
    app = create_app(Settings(**settings), engine=engine, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        gateway = app.state.gateway
        while not gateway.ready:
            await asyncio.sleep(0)
        yield House(gateway.handler, gateway.services)


async def settle() -> None:
    """Lets every task run that can."""
    for _ in range(50):
        await asyncio.sleep(0)
