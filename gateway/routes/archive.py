"""The admin API of the archive: a tenant is to be forgotten."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from gateway.archive.base import ArchiveError
from gateway.errors import INVALID_REQUEST, NOT_FOUND, UNAVAILABLE, GatewayError
from gateway.routes.admin import for_admins
from gateway.state import gateway_of


async def forget(request: Request) -> dict[str, Any]:
    archive = gateway_of(request.scope).services.archive
    if archive is None:
        raise GatewayError(NOT_FOUND, "There is no archive here (archive.url is none).")
    tenant: str = request.path_params["tenant"]
    if not tenant:
        raise GatewayError(INVALID_REQUEST, "Name the tenant: /admin/archive/TENANT.", param="tenant")
    try:
        removed = await archive.forget(tenant)
    except ArchiveError:
        why = "The archive is away: not all was deleted. Ask again."
        raise GatewayError(UNAVAILABLE, why, retry_after=5) from None
    return {"tenant": tenant, "removed": msgspec.to_builtins(removed)}


ROUTES: tuple[BaseRoute, ...] = (
    Route("/admin/archive/{tenant:path}", for_admins(forget), methods=["DELETE"]),
)
