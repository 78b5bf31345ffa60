"""What was used: a key sees its own use, the admin key everybody's."""

from __future__ import annotations

from typing import Any

import msgspec
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from gateway.errors import INVALID_REQUEST, UNAVAILABLE, GatewayError
from gateway.routes.answers import answers, principal_of
from gateway.state import gateway_of
from gateway.usage.history import HistoryError
from gateway.usage.meter import today
from gateway.usage.question import question

_OUT_OF_REACH = (RedisError, HistoryError, OSError, TimeoutError)
_AWAY = "The figures are out of reach at the moment."


@answers
async def usage(request: Request) -> Any:
    gateway, principal = gateway_of(request.scope), principal_of(request)
    try:
        asked = question(request.query_params, today())
        if principal.kind == "key":
            asked = msgspec.structs.replace(asked, of={**asked.of, "key": principal.key})
        table = await gateway.services.accounts.meter.read(asked.since, asked.until)
    except ValueError as error:
        raise GatewayError(INVALID_REQUEST, str(error)) from None
    except _OUT_OF_REACH as error:
        raise GatewayError(UNAVAILABLE, _AWAY, retry_after=5) from error
    return asked.answer(table, gateway.settings.accounts.currency)


ROUTES: tuple[BaseRoute, ...] = (Route("/v1/usage", usage, methods=["GET"]),)
