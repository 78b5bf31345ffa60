"""The OpenAPI document and a page that shows it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.openapi import document
from gateway.state import gateway_of
from gateway.wire.base import json_encode


async def openapi(request: Request) -> Response:
    body = json_encode(document(gateway_of(request.scope).settings))
    return Response(body, media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (Route("/openapi.json", openapi, methods=["GET"]),)
