"""Puts the gateway together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from engine.base import Engine
from gateway.cache.answers import AnswerCache
from gateway.collectors import DispatchCollector
from gateway.jobs.service import Jobs
from gateway.media.base import MediaReader
from gateway.middleware.request_id import RequestId
from gateway.models import build_models
from gateway.pipeline import build_pipeline
from gateway.reply_headers import EXPOSED
from gateway.routes import batches, catalogue, dashscope_tasks, docs, files, inference, jobs, operations
from gateway.routes.errors import on_failure, on_http_exception
from gateway.runtime.backlog import Backlog
from gateway.runtime.loop_lag import watch_loop
from gateway.safety.base import Safety
from gateway.safety.personal import MaskLogs
from gateway.settings import Settings
from gateway.stages.base import Services
from gateway.state import Gateway
from gateway.stores.state import StateStore
from gateway.tasks import BY_NAME
from gateway.tasks.custom import load_tasks
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_mask_logs = MaskLogs()
_WATCH_S = 0.5
"""How often the engines are looked at: a dead one turns readiness bad within this time."""


def create_app(
    settings: Settings | None = None,
    *,
    engine: Engine | Mapping[str, Engine] | None = None,
    registry: CollectorRegistry | None = None,
    on_death: Callable[[], None] = lambda: None,
) -> Starlette:
    """The ASGI application.

    `engine` answers for every model in place of the configured ones, or each for the one it is named
    for. The models are loaded in the background after start-up; `GET /ready` tells when. `on_death`
    is called once if an engine dies or cannot be loaded, so that the server can drain and leave the
    restart to its supervisor.
    """
    settings = settings or Settings()
    log.addFilter(_mask_logs)
    telemetry = Telemetry(registry)
    models = build_models(settings, engine)
    services = Services(
        settings=settings,
        models=models,
        media=MediaReader(settings),
        safety=Safety(settings.safety),
        telemetry=telemetry,
        answers=AnswerCache(settings.cache, settings.server.folder("cache"), telemetry),
        backlog=Backlog(),
        tasks=load_tasks(settings.server.task_folder, BY_NAME, models.names),
        state=StateStore(
            settings.state.url, settings.server.folder("state"), settings.state.timeout_ms / 1000
        ),
    )
    DispatchCollector(services.models, services.backlog, telemetry.registry)
    handler = build_pipeline(services)
    gateway = Gateway(services=services, handler=handler, jobs=Jobs(services, handler))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await services.state.start()
        await services.answers.start()
        tasks = [
            asyncio.create_task(_run_models(gateway, on_death)),
            asyncio.create_task(watch_loop(telemetry.loop_lag)),
        ]
        gateway.jobs.start(lambda: gateway.ready)
        try:
            yield
        finally:
            gateway.drain()
            await gateway.jobs.aclose(gateway.drain_left_s)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await services.answers.aclose()
            await gateway.models.aclose()
            await services.media.aclose()
            await services.safety.aclose()
            await services.state.aclose()

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
            *docs.ROUTES,
        ],
        middleware=_middleware(settings),
        exception_handlers={HTTPException: on_http_exception, Exception: on_failure},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.gateway = gateway
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    middleware = [Middleware(RequestId)]
    if origins := settings.server.cors_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
        )
        middleware.append(cors)
    return middleware


async def _load(gateway: Gateway) -> None:
    """Everything that a first request would otherwise wait for."""
    await gateway.services.safety.warm_up()
    gateway.warm = True
    await gateway.models.load()


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
