"""What is there to ask: models and tasks."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.errors import GatewayError
from gateway.routes.errors import error_response
from gateway.state import gateway_of
from gateway.tasks import TASKS, Task
from gateway.wire import openai
from gateway.wire.base import json_encode


def _json(content: Any) -> Response:
    return Response(json_encode(content), media_type="application/json")


async def list_models(request: Request) -> Response:
    return _json(openai.models(gateway_of(request.scope).models))


async def get_model(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        model = gateway_of(request.scope).models.get(name)
    except GatewayError as error:
        return error_response(request, error)
    return _json(openai.model_entry(model, name))


async def list_tasks(request: Request) -> Response:
    return _json({"tasks": [_describe(task) for task in TASKS]})


def _describe(task: Task) -> dict[str, Any]:
    return {
        "name": task.name,
        "description": task.description,
        "lane": task.lane,
        "needs_text": task.default_text is None,
        "default_text": task.default_text,
        "limits": task.limits,
        "defaults": {"max_tokens": task.max_tokens, "temperature": task.temperature},
        "schema": task.schema,
        "version": task.version,
    }


ROUTES: tuple[BaseRoute, ...] = (
    Route("/tasks", list_tasks, methods=["GET"]),
    Route("/v1/models", list_models, methods=["GET"]),
    Route("/v1/models/{name:path}", get_model, methods=["GET"]),
)
