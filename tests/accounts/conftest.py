"""Gateways with keys, on a Valkey of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from engine.scripted import ScriptedEngine
from gateway.accounts.store import KeyStore
from gateway.app import create_app
from gateway.settings import (
    AccountsSettings,
    CacheSettings,
    FetchSettings,
    JobsSettings,
    MediaSettings,
    SafetySettings,
    ServerSettings,
    Settings,
    UsageSettings,
)
from gateway.stages.base import Services
from gateway.stores.embedded import EmbeddedValkey
from tests.scripts import scripted

ADMIN_KEY = "admin-key-of-the-tests"
MODEL = "qwen3-vl-30b"


class Guarded:
    """A gateway in this process, and the ways to it."""

    def __init__(self, app: Starlette, client: httpx.AsyncClient, engine: ScriptedEngine) -> None:
        self.app = app
        self.client = client
        self.engine = engine

    @property
    def services(self) -> Services:
        services: Services = self.app.state.gateway.services
        return services

    @property
    def keys(self) -> KeyStore:
        assert self.services.accounts.keys is not None
        return self.services.accounts.keys

    async def key(self, tenant: str = "acme", tier: str = "internal", **fields: Any) -> str:
        """The text of a new key."""
        _, secret = await self.keys.create(tenant=tenant, tier=tier, **fields)
        return secret

    async def chat(self, key: str | None, text: str = "Hello", **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        body = {"messages": [{"role": "user", "content": text}], **body}
        return await self.client.post("/v1/chat/completions", json=body, headers=headers)

    def metric(self, name: str, **labels: str) -> float:
        return self.services.telemetry.registry.get_sample_value(name, labels) or 0.0


Guard = Callable[..., AbstractAsyncContextManager[Guarded]]


@asynccontextmanager
async def guarded(
    url: str,
    tiers: Mapping[str, Any] | None = None,
    engine: ScriptedEngine | None = None,
    *,
    server: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    fetch: Mapping[str, Any] | None = None,
    usage: Mapping[str, Any] | None = None,
    jobs: Mapping[str, Any] | None = None,
    media: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    cache: str = "none",
    **accounts: Any,
) -> AsyncIterator[Guarded]:
    settings = Settings(
        server=ServerSettings(**(server or {})),
        cache=CacheSettings(url=cache),
        fetch=FetchSettings(**(fetch or {})),
        usage=UsageSettings(**(usage or {})),
        jobs=JobsSettings(**(jobs or {})),
        media=MediaSettings(**(media or {})),
        state={"url": url, **(state or {})},
        safety=SafetySettings(classify_images=False),
        accounts=AccountsSettings(**{"tiers": {"internal": {}, "test": {}, **(tiers or {})}, **accounts}),
        **({"models": models} if models else {}),
    )
    engine = engine or scripted("Hello there, friend.")
    app = create_app(settings, engine=engine, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            while (await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0)
            yield Guarded(app, client, engine)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    """A Valkey as the state store runs it, which a test may end and start."""
    server = EmbeddedValkey(tmp_path / "state", **{"maxmemory-policy": "noeviction", "appendfsync": "always"})
    await server.start()
    yield server
    await server.aclose()


@pytest.fixture
def guard(store: EmbeddedValkey) -> Guard:
    """Starts gateways on the store: `async with guard(tiers) as one`."""
    return lambda *args, **kwargs: guarded(store.url, *args, **kwargs)
