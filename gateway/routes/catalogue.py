"""What is there to ask: models and tasks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.errors import GatewayError
from gateway.models import Model
from gateway.routes.errors import error_response
from gateway.routes.intake import intake
from gateway.state import gateway_of
from gateway.tasks import Task
from gateway.wire import gemini, openai, simple
from gateway.wire.base import json_encode
from gateway.wire.calls import target


class ModelsFormat(Protocol):
    """How a wire format lists models."""

    def models(self, models: Iterable[Model]) -> dict[str, Any]: ...

    def model_entry(self, model: Model, name: str) -> dict[str, Any]: ...


def _json(content: Any) -> Response:
    return Response(json_encode(content), media_type="application/json")


def _format(request: Request) -> ModelsFormat:
    """Google's clients ask on the same path as OpenAI's; their key header tells them apart."""
    google = request.url.path.startswith("/v1beta/") or gemini.KEY_HEADER in request.headers
    return gemini if google else openai


async def list_models(request: Request) -> Response:
    try:
        models = _served(request)
    except GatewayError as error:
        return error_response(request, error)
    return _json(_format(request).models(models))


async def get_model(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        model = target(intake(request, request.headers), name).model
    except GatewayError as error:
        return error_response(request, error)
    return _json(_format(request).model_entry(model, name))


def _served(request: Request) -> Iterable[Model]:
    """All models; below `/m/{served}/` that one. Raises `GatewayError`."""
    models = gateway_of(request.scope).models
    served = request.path_params.get("served")
    return models if served is None else (models.get(served),)


async def simple_health(request: Request) -> Response:
    gateway = gateway_of(request.scope)
    uptime = time.monotonic() - gateway.started
    return _json(simple.health(gateway.models.default, gateway.ready, uptime))


async def list_tasks(request: Request) -> Response:
    return _json({"tasks": [_describe(task) for task in gateway_of(request.scope).tasks.values()]})


def _describe(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "description": task.description,
        "lane": task.lane,
        "model": task.model,
        "needs_text": task.default_text is None,
        "default_text": task.default_text,
        "limits": task.limits,
        "takes_documents": task.plan == "pages",
        "defaults": {"max_tokens": task.max_tokens, "temperature": task.temperature},
        "schema": task.schema,
        "version": task.version,
    }


ROUTES: tuple[BaseRoute, ...] = (
    Route("/tasks", list_tasks, methods=["GET"]),
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{name:path}", get_model, methods=["GET"]),
    Route("/v1beta/models", list_models, methods=["GET"]),
    Route("/v1beta/models/{name:path}", get_model, methods=["GET"]),
    Route("/v1/health", simple_health, methods=["GET"]),
)
