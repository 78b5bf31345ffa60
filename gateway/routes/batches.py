"""OpenAI's batches."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from gateway.jobs.batches.record import ENDPOINTS, view
from gateway.media.files import BATCH
from gateway.routes.answers import answers, number_of, principal_of, tenant_of
from gateway.routes.bodies import read_body
from gateway.state import gateway_of
from gateway.wire.base import decode, invalid

_MOST_BODY = 1e6
_MOST_LISTED = 100


class BatchBody(Struct, frozen=True):
    """A request to `POST /v1/batches`."""

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"] = "24h"
    metadata: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
            Meta(max_length=16),
        ]
        | None
    ) = None


_bodies = msgspec.json.Decoder(BatchBody)


@answers
async def create(request: Request) -> dict[str, Any]:
    gateway, principal = gateway_of(request.scope), principal_of(request)
    asked = decode(await read_body(request, _MOST_BODY), _bodies)
    if asked.endpoint not in ENDPOINTS:
        raise invalid("endpoint", f"must be one of {', '.join(ENDPOINTS)}.")
    file = await asyncio.to_thread(gateway.services.media.files.get, asked.input_file_id, principal.tenant)
    if file.purpose != BATCH:
        raise invalid("input_file_id", f"the file's purpose is {file.purpose}, not {BATCH}.")
    batches = gateway.jobs.batches
    return view(await batches.create(principal, asked.endpoint, file.id, asked.metadata or {}))


@answers
async def show(request: Request) -> dict[str, Any]:
    batches = gateway_of(request.scope).jobs.batches
    return view(await batches.get(request.path_params["id"], tenant_of(request)))


@answers
async def list_batches(request: Request) -> dict[str, Any]:
    limit = number_of(request, "limit", 20, _MOST_LISTED) or 20
    found, more = await gateway_of(request.scope).jobs.batches.page(
        tenant_of(request), request.query_params.get("after"), limit
    )
    data = [view(batch) for batch in found]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"object": "list", "data": data, "has_more": more, **ends}


@answers
async def cancel(request: Request) -> dict[str, Any]:
    batches = gateway_of(request.scope).jobs.batches
    return view(await batches.cancel(request.path_params["id"], tenant_of(request)))


ROUTES: tuple[BaseRoute, ...] = (
    Route("/v1/batches", create, methods=["POST"]),
    Route("/v1/batches", list_batches, methods=["GET"]),
    Route("/v1/batches/{id:str}", show, methods=["GET"]),
    Route("/v1/batches/{id:str}/cancel", cancel, methods=["POST"]),
)
