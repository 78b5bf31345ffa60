"""For those who run the gateway: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.exposition import ALLOWUTF8, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway import __version__
from gateway.state import Gateway, gateway_of
from gateway.wire.base import json_encode


async def health(request: Request) -> Response:
    """Live: the process answers. Says nothing about the model."""
    return _json({"status": "ok", "version": __version__})


async def ready(request: Request) -> Response:
    """Ready: every model is loaded and warm, and the server is not draining."""
    gateway = gateway_of(request.scope)
    return _json(_status(gateway), 200 if gateway.ready else 503)


def _status(gateway: Gateway) -> dict[str, Any]:
    models = {model.name: msgspec.to_builtins(model.health()) for model in gateway.models.bases}
    return {
        "status": "draining" if gateway.draining else "ready" if gateway.ready else "not ready",
        "detail": gateway.load_error,
        "models": models,
    }


async def metrics(request: Request) -> Response:
    """Prometheus' text format, or OpenMetrics with exemplars where the scraper takes it. One of several
    workers tells the figures of all."""
    gateway = gateway_of(request.scope)
    encode, kind = _encoder(request.headers.get("accept", ""))
    figures: Any = gateway.telemetry.registry
    if gateway.siblings is not None:
        figures = await gateway.siblings.all()
    return Response(encode(figures), headers={"content-type": kind})


def _encoder(accept: str) -> tuple[Callable[[Any], bytes], str]:
    """prometheus_client 0.26 turns the colon of `vllm:…` into an underscore where names are to be escaped
    for OpenMetrics. All names here are valid in every scheme: none needs escaping."""
    encode, kind = choose_encoder(accept)
    if kind.startswith("application/openmetrics-text"):
        encode = partial(generate_latest, escaping=ALLOWUTF8)
    return encode, kind


def _json(content: Any, status: int = 200) -> Response:
    return Response(json_encode(content), status, media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (
    Route("/health", health, methods=["GET"]),
    Route("/ready", ready, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
)
