"""Refusals outside the pipeline, in the shape of the path's own wire format."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway import errors
from gateway.audit.record import Outcome
from gateway.errors import GatewayError
from gateway.state import gateway_of
from gateway.wire import anthropic, dashscope, gemini, openai, simple, tasks
from gateway.wire.base import RenderError

_SERVED = re.compile(r"/m/[^/]+/")
"""A model's own routes lie below this."""

_GEMINI_METHODS = "generateContent|streamGenerateContent|countTokens|embedContent|batchEmbedContents"
"""Named, for what is behind a colon may belong to a model's name. Google's SDK asks for all of these."""

_RENDERS: tuple[tuple[re.Pattern[str], RenderError], ...] = (
    (re.compile(rf"/v1beta/|/v1/models/[^?]+:({_GEMINI_METHODS})$"), gemini.error),
    (re.compile(r"/v1/messages(/|$)"), anthropic.error),
    (re.compile(r"/v1/chat$|/v1/chat/stream$|/v1/health$"), simple.error),
    (re.compile(r"/v1/jobs(/|$)"), tasks.error),
    (re.compile(r"/v1/"), openai.error),
    (re.compile(r"/api/v1/"), dashscope.error),
    (re.compile(r""), tasks.error),
)
"""Which format a path speaks; the first that matches."""


class ErrorResponse(Response):
    media_type = "application/json"

    def __init__(self, error: GatewayError, render: RenderError, request_id: str) -> None:
        super().__init__(render(error, request_id), error.code.status, error.reply_headers)
        self._code = error.code
        self._outcome = Outcome(error.code, error.rule)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway_of(scope).telemetry.count_failure(self._code)
        scope["state"]["outcome"] = self._outcome
        await super().__call__(scope, receive, send)


def render_for(path: str, headers: Mapping[str, str] | None = None) -> RenderError:
    """The error format of a path; that of Gemini too where its key header asks for models."""
    path = _SERVED.sub("/", path, count=1)
    if headers is not None and path.startswith("/v1/models") and gemini.KEY_HEADER in headers:
        return gemini.error
    return next(render for pattern, render in _RENDERS if pattern.match(path))


async def on_http_exception(request: Request, exception: Exception) -> Response:
    """Starlette's own refusals: unknown paths and wrong methods."""
    assert isinstance(exception, HTTPException)
    code = {404: errors.NOT_FOUND, 405: errors.METHOD_NOT_ALLOWED}.get(
        exception.status_code, errors.INVALID_REQUEST
    )
    error = GatewayError(code, headers=dict(exception.headers or {}))
    return error_response(request, error)


async def on_failure(request: Request, exception: Exception) -> Response:
    """What no route caught. Starlette logs it; the client learns only that it happened.

    This reply is sent outside all middleware, so it takes the headers of its id along.
    """
    response = error_response(request, GatewayError(errors.INTERNAL))
    response.raw_headers.extend(request.scope["state"]["id_headers"])
    return response


def error_response(request: Request, error: GatewayError) -> Response:
    path = request.scope["path"]
    return ErrorResponse(error, render_for(path, request.headers), request.scope["state"]["request_id"])
