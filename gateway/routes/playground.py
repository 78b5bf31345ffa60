"""The page at `/` to try the gateway in a browser, and what it asks for itself.

Page, files and facts are open to all; the status has the rule of the metrics.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.playground.assets import Asset, assets
from gateway.playground.facts import facts
from gateway.playground.status import status
from gateway.state import gateway_of
from gateway.wire.base import json_encode


async def page(request: Request) -> Response:
    return _answer(request, assets()["index.html"])


async def file(request: Request) -> Response:
    asset = assets().get(request.path_params["path"])
    if asset is None:
        raise HTTPException(404)
    return _answer(request, asset)


def _answer(request: Request, asset: Asset) -> Response:
    if asset.is_known_to(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=asset.headers)
    return Response(asset.body, headers=asset.headers)


async def config(request: Request) -> Response:
    return _json(facts(gateway_of(request.scope).settings))


async def live(request: Request) -> Response:
    return _json(status(gateway_of(request.scope)))


def _json(content: object) -> Response:
    return Response(
        json_encode(content), media_type="application/json", headers={"cache-control": "no-cache"}
    )


ROUTES: tuple[BaseRoute, ...] = (
    Route("/", page, methods=["GET"]),
    Route("/playground/config.json", config, methods=["GET"]),
    Route("/playground/status", live, methods=["GET"]),
    Route("/playground/{path:path}", file, methods=["GET"], include_in_schema=False),
)
