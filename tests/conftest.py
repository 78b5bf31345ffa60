"""Shared by all tests: small gateways on the scripted engine, and one real server a session."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings
from prometheus_client import CollectorRegistry

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.app import create_app
from gateway.settings import CacheSettings, SafetySettings, Settings, StateSettings
from tests.servers import RunningServer, end, launch, wait_until_ready

Start = Callable[..., RunningServer]
Gateway = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # properties take as long as a busy machine makes them

QUICK = Settings(
    cache=CacheSettings(url="none"),
    state=StateSettings(url="none"),
    safety=SafetySettings(classify_images=False),
)
"""For tests of neither the cache nor the content policy: a gateway that starts at once."""


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a gateway of a test leaves behind is its own, and goes with it."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def scripted_gateway(
    engine: ScriptedEngine | Mapping[str, ScriptedEngine] | None = None, settings: Settings | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway in this process, on the scripted engine, loaded and ready."""
    engine = engine or ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
    app = create_app(settings or QUICK, engine=engine, registry=CollectorRegistry())
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
            while (await client.get("/ready")).status_code != 200:
                await asyncio.sleep(0.005)  # a busy loop would hold up the threads that load
            yield client


@pytest.fixture
def gateway() -> Gateway:
    return scripted_gateway


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a scripted gateway."""
    async with scripted_gateway() as client:
        yield client


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """`qwen-vl serve` with the embedded engine on the demo checkpoint; booted once a session."""
    log = tmp_path_factory.mktemp("server") / "serve.log"
    process = launch(log)
    try:
        yield wait_until_ready(process, log)
    finally:
        end(process)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers from the text of a configuration; ends them when the test is over."""
    processes: list[subprocess.Popen[bytes]] = []

    def _start(config: str, *flags: str) -> RunningServer:
        (tmp_path / "gateway.yaml").write_text(config)
        log = tmp_path / f"serve-{len(processes)}.log"
        processes.append(launch(log, "--config", str(tmp_path / "gateway.yaml"), *flags))
        return wait_until_ready(processes[-1], log)

    yield _start
    for process in processes:
        end(process)
