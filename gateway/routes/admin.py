"""The admin API: keys. It takes the admin key alone, and asks for it again at each route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.accounts.key import ApiKey, view
from gateway.accounts.orders import NewKey, key_fields, seconds
from gateway.accounts.store import KeyStore, UnknownKey
from gateway.errors import FORBIDDEN, INVALID_REQUEST, NOT_FOUND, UNAVAILABLE, GatewayError
from gateway.principal import ADMIN
from gateway.responses import as_gateway_error
from gateway.routes.bodies import read_body
from gateway.routes.errors import error_response
from gateway.state import gateway_of
from gateway.wire.base import decode, json_encode

_MAX_BODY = 64_000

Endpoint = Callable[[Request], Awaitable[Any]]
_orders = msgspec.json.Decoder(NewKey)


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    overlap: str = "24h"
    """For how long the text before goes on working."""


_rotations = msgspec.json.Decoder(Rotation)


def for_admins(endpoint: Endpoint, status: int = 200) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint for the admin key alone; what it returns is the JSON of the reply."""

    async def respond(request: Request) -> Response:
        try:
            if request.scope["state"]["principal"] is not ADMIN:
                raise GatewayError(FORBIDDEN, rule="scope.admin")
            answer = await endpoint(request)
            return Response(json_encode(answer), status, media_type="application/json")
        except UnknownKey as error:
            return error_response(request, GatewayError(NOT_FOUND, f"There is no key {str(error)[:64]}."))
        except (RedisError, OSError, TimeoutError):
            return error_response(request, _away())
        except Exception as error:
            return error_response(request, as_gateway_error(error, request.scope["state"]["request_id"]))

    return respond


async def create(request: Request) -> dict[str, Any]:
    gateway = gateway_of(request.scope)
    order = decode(await read_body(request, _MAX_BODY), _orders)
    try:
        fields = key_fields(order, gateway.settings, gateway.tasks)
    except ValueError as error:
        raise GatewayError(INVALID_REQUEST, str(error)) from None
    return _with_secret(*await _keys(request).create(**fields))


async def list_keys(request: Request) -> dict[str, Any]:
    return {"keys": [view(key) for key in await _keys(request).list()]}


async def show(request: Request) -> Any:
    return view(await _keys(request).get(_id(request)))


async def disable(request: Request) -> Any:
    return view(await _keys(request).disable(_id(request)))


async def enable(request: Request) -> Any:
    return view(await _keys(request).disable(_id(request), False))


async def rotate(request: Request) -> dict[str, Any]:
    body = await read_body(request, _MAX_BODY)
    try:
        overlap = seconds((decode(body, _rotations) if body.strip() else Rotation()).overlap)
    except ValueError as error:
        raise GatewayError(INVALID_REQUEST, str(error), param="overlap") from None
    return _with_secret(*await _keys(request).rotate(_id(request), overlap))


async def revoke(request: Request) -> Any:
    return view(await _keys(request).revoke(_id(request)))


def _with_secret(key: ApiKey, secret: str) -> dict[str, Any]:
    """The only reply that ever holds the text of a key."""
    return {"key": secret, **msgspec.to_builtins(view(key))}


def _id(request: Request) -> str:
    name: str = request.path_params["id"]
    return name


def _keys(request: Request) -> KeyStore:
    keys = gateway_of(request.scope).services.accounts.keys
    if keys is None:
        raise GatewayError(UNAVAILABLE, "There is no state store to keep keys in (state.url is none).")
    return keys


def _away() -> GatewayError:
    return GatewayError(UNAVAILABLE, "The state store is away.", retry_after=5, rule="key.store")


_KEY = "/admin/keys/{id:str}"

ROUTES: tuple[BaseRoute, ...] = (
    Route("/admin/keys", for_admins(create, 201), methods=["POST"]),
    Route("/admin/keys", for_admins(list_keys), methods=["GET"]),
    Route(_KEY, for_admins(show), methods=["GET"]),
    Route(_KEY, for_admins(revoke), methods=["DELETE"]),
    Route(f"{_KEY}/disable", for_admins(disable), methods=["POST"]),
    Route(f"{_KEY}/enable", for_admins(enable), methods=["POST"]),
    Route(f"{_KEY}/rotate", for_admins(rotate), methods=["POST"]),
)
