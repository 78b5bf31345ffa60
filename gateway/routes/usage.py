"""What was used: a key sees its own use, the admin key everybody's."""

from __future__ import annotations

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.errors import INVALID_REQUEST, UNAVAILABLE, GatewayError
from gateway.principal import Principal
from gateway.routes.errors import error_response
from gateway.state import gateway_of
from gateway.usage.history import HistoryError
from gateway.usage.meter import today
from gateway.usage.question import question
from gateway.wire.base import json_encode

_OUT_OF_REACH = (RedisError, HistoryError, OSError, TimeoutError)
_AWAY = "The figures are out of reach at the moment."


async def usage(request: Request) -> Response:
    gateway = gateway_of(request.scope)
    principal: Principal = request.scope["state"]["principal"]
    try:
        asked = question(request.query_params, today())
        if principal.kind == "key":
            asked = msgspec.structs.replace(asked, of={**asked.of, "key": principal.key})
        table = await gateway.services.accounts.meter.read(asked.since, asked.until)
    except ValueError as error:
        return error_response(request, GatewayError(INVALID_REQUEST, str(error)))
    except _OUT_OF_REACH:
        return error_response(request, GatewayError(UNAVAILABLE, _AWAY, retry_after=5))
    answer = asked.answer(table, gateway.settings.accounts.currency)
    return Response(json_encode(answer), media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (Route("/v1/usage", usage, methods=["GET"]),)
