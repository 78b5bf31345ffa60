"""What routes outside the pipeline share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.accounts.limits import Counted
from gateway.principal import Principal
from gateway.responses import as_gateway_error
from gateway.routes.errors import error_response
from gateway.state import gateway_of
from gateway.wire.base import invalid, json_encode

Endpoint = Callable[[Request], Awaitable[Any]]


def answers(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint's value as JSON, or its refusal in the path's own shape.

    Counted against what the key may ask beside the model.
    """
    return _answering(endpoint, "other_requests")


def takes_upload(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """As `answers`, counted against the key's uploads."""
    return _answering(endpoint, "uploads")


def _answering(endpoint: Endpoint, counted: Counted) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            accounts = gateway_of(request.scope).services.accounts
            await accounts.count_beside(principal_of(request), counted)
            value = await endpoint(request)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody reads it
        except Exception as error:
            request_id = request.scope["state"]["request_id"]
            return error_response(request, as_gateway_error(error, request_id))
        return value if isinstance(value, Response) else as_json(value)

    return respond


def as_json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json_encode(value), status, headers, media_type="application/json")


def principal_of(request: Request) -> Principal:
    """Who asks."""
    principal: Principal = request.scope["state"]["principal"]
    return principal


def tenant_of(request: Request) -> str:
    return principal_of(request).tenant


def number_of(request: Request, name: str, default: int, most: int) -> int:
    """A whole number of the query string. Raises `GatewayError`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isdecimal() and len(text) < 10 and int(text) <= most):
        raise invalid(name, f"must be a whole number up to {most}.")
    return int(text)
