"""Uploads: a file is sent once and named by its id in requests, as with OpenAI's files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.errors import CONTENT_TYPE, INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.media.files import StoredFile
from gateway.principal import Principal
from gateway.responses import as_gateway_error
from gateway.routes.errors import error_response
from gateway.routes.forms import FORM, read_form
from gateway.routes.inference import read_body
from gateway.state import gateway_of
from gateway.wire.base import json_encode

Endpoint = Callable[[Request], Awaitable[Any]]


def _answers(endpoint: Endpoint) -> Endpoint:
    """The endpoint's value as JSON, or its refusal in the path's own shape."""

    async def respond(request: Request) -> Response:
        try:
            return Response(json_encode(await endpoint(request)), media_type="application/json")
        except Exception as error:
            request_id = request.scope["state"]["request_id"]
            return error_response(request, as_gateway_error(error, request_id))

    return respond


@_answers
async def upload(request: Request) -> dict[str, Any]:
    gateway = gateway_of(request.scope)
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith(FORM):
        raise GatewayError(CONTENT_TYPE, f"The body is not {FORM}.")
    body = await read_body(request, gateway.settings.server.max_body_mb * 1e6)
    form = await read_form(body, content_type, most_files=1)
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise GatewayError(INVALID_REQUEST, "file: is missing.", param="file")
    data = await file.read()
    media = gateway.settings.media
    if len(data) > (limit := max(media.max_image_mb, media.max_pdf_mb, media.max_video_mb)) * 1e6:
        raise GatewayError(TOO_LARGE, f"The file is larger than {limit:g} MB.")
    store = gateway.services.media.files
    purpose = str(form.get("purpose", "vision"))
    return _entry(await asyncio.to_thread(store.add, data, file.filename or "", purpose, _tenant(request)))


@_answers
async def list_files(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    files = await asyncio.to_thread(store.list, _tenant(request))
    return {"object": "list", "data": [_entry(file) for file in files], "has_more": False}


@_answers
async def get_file(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    return _entry(await asyncio.to_thread(store.get, request.path_params["id"], _tenant(request)))


@_answers
async def delete_file(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    name = request.path_params["id"]
    await asyncio.to_thread(store.delete, name, _tenant(request))
    return {"id": name, "object": "file", "deleted": True}


def _tenant(request: Request) -> str:
    """Whose files they are."""
    principal: Principal = request.scope["state"]["principal"]
    return principal.tenant


def _entry(file: StoredFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created,
        "expires_at": file.expires,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
    }


_FILE = "/v1/files/{id:str}"

ROUTES: tuple[BaseRoute, ...] = (
    Route("/v1/files", upload, methods=["POST"]),
    Route("/v1/files", list_files, methods=["GET"]),
    Route(_FILE, get_file, methods=["GET"]),
    Route(_FILE, delete_file, methods=["DELETE"]),
)
