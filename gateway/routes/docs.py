"""The OpenAPI document, and Swagger UI to read and try it. All assets come from this server."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.openapi.document import document
from gateway.wire.base import json_encode

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>qwen-vl-gateway API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = "SwaggerUIBundle({url: 'openapi.json', dom_id: '#api', deepLinking: true, validatorUrl: null});"
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js")


@cache
def _document() -> bytes:
    return json_encode(document())


async def openapi(request: Request) -> Response:
    return Response(_document(), media_type="application/json")


async def page(request: Request) -> Response:
    return Response(_PAGE, media_type="text/html", headers={"content-security-policy": _POLICY})


async def start(request: Request) -> Response:
    return Response(_START, media_type="text/javascript")


async def asset(request: Request) -> Response:
    return FileResponse(_folder() / Path(request.url.path).name)


@cache
def _folder() -> Path:
    """Where the package that ships Swagger UI keeps it; the package itself is not imported."""
    spec = importlib.util.find_spec("fastapi_swagger")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package fastapi-swagger is not installed")
    return Path(spec.origin).with_name("resources")


ROUTES: tuple[BaseRoute, ...] = (
    Route("/openapi.json", openapi, methods=["GET"]),
    Route("/docs", page, methods=["GET"]),
    Route("/docs/start.js", start, methods=["GET"], include_in_schema=False),
    *(Route(f"/docs/{name}", asset, methods=["GET"], include_in_schema=False) for name in _ASSETS),
)
