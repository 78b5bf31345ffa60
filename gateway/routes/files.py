"""Uploads: a file is sent once and named by its id in requests, as with OpenAI's files."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.errors import CONTENT_TYPE, INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.media.files import BATCH, StoredFile
from gateway.routes.answers import answers, takes_upload, tenant_of
from gateway.routes.bodies import body_within
from gateway.routes.forms import FORM, read_form
from gateway.state import gateway_of


@takes_upload
async def upload(request: Request) -> dict[str, Any]:
    gateway = gateway_of(request.scope)
    media = gateway.settings.media
    content_type = request.headers.get("content-type", "")
    if not content_type.lower().startswith(FORM):
        raise GatewayError(CONTENT_TYPE, f"The body is not {FORM}.")
    most = max(gateway.settings.server.max_body_mb, media.max_batch_file_mb + 1) * 1e6
    form = await read_form(body_within(request, most), content_type, most_files=1)
    try:
        file, purpose = form.get("file"), str(form.get("purpose", "vision"))
        if not isinstance(file, UploadFile):
            raise GatewayError(INVALID_REQUEST, "file: is missing.", param="file")
        limit = max(media.max_image_mb, media.max_pdf_mb, media.max_video_mb)
        limit = media.max_batch_file_mb if purpose == BATCH else limit
        if (file.size or 0) > limit * 1e6:
            raise GatewayError(TOO_LARGE, f"The file is larger than {limit:g} MB.")
        add, name = gateway.services.media.files.add, file.filename or ""
        return _entry(await asyncio.to_thread(add, file.file, name, purpose, tenant_of(request)))
    finally:
        await form.close()


@answers
async def list_files(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    files = await asyncio.to_thread(store.list, tenant_of(request))
    purpose = request.query_params.get("purpose")
    found = [_entry(file) for file in files if purpose in (None, file.purpose)]
    return {"object": "list", "data": found, "has_more": False}


@answers
async def get_file(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    return _entry(await asyncio.to_thread(store.get, request.path_params["id"], tenant_of(request)))


@answers
async def get_content(request: Request) -> Response:
    store = gateway_of(request.scope).services.media.files
    path = await asyncio.to_thread(store.path, request.path_params["id"], tenant_of(request))
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return FileResponse(path, headers=headers, media_type="application/octet-stream")


@answers
async def delete_file(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).services.media.files
    name = request.path_params["id"]
    await asyncio.to_thread(store.delete, name, tenant_of(request))
    return {"id": name, "object": "file", "deleted": True}


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
    Route(f"{_FILE}/content", get_content, methods=["GET"]),
    Route(_FILE, delete_file, methods=["DELETE"]),
)
