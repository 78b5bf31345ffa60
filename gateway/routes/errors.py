"""Refusals outside the pipeline, in the shape of the path's own wire format."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway import errors
from gateway.errors import GatewayError
from gateway.wire import openai, tasks
from gateway.wire.base import RenderError


class ErrorResponse(Response):
    media_type = "application/json"

    def __init__(self, error: GatewayError, render: RenderError, request_id: str) -> None:
        super().__init__(render(error, request_id), error.code.status, error.reply_headers)


def render_for(path: str) -> RenderError:
    """The error format of a path: OpenAI's below `/v1/`, the gateway's own elsewhere."""
    return openai.error if path.startswith("/v1/") else tasks.error


async def on_http_exception(request: Request, exception: Exception) -> Response:
    """Starlette's own refusals: unknown paths and wrong methods."""
    assert isinstance(exception, HTTPException)
    code = {404: errors.NOT_FOUND, 405: errors.METHOD_NOT_ALLOWED}.get(
        exception.status_code, errors.INVALID_REQUEST
    )
    error = GatewayError(code, headers=dict(exception.headers or {}))
    return error_response(request, error)


async def on_failure(request: Request, exception: Exception) -> Response:
    """What no route caught. Starlette logs it; the client learns only that it happened."""
    return error_response(request, GatewayError(errors.INTERNAL))


def error_response(request: Request, error: GatewayError) -> Response:
    path = request.scope["path"]
    return ErrorResponse(error, render_for(path), request.scope["state"]["request_id"])
