"""What a format may know of a request beside its body."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from gateway.hints import Hints
from gateway.state import gateway_of
from gateway.wire.base import Intake


def headers_of(request: Request) -> dict[str, str]:
    """The headers by name in lower case, the first where there are several: as Starlette has them, but
    gone through once instead of at each look."""
    found: dict[str, str] = {}
    for name, value in request.scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


def intake(
    request: Request,
    headers: Mapping[str, str],
    uploads: Mapping[str, bytes] | None = None,
    hints: Hints | None = None,
) -> Intake:
    gateway, scope = gateway_of(request.scope), request.scope
    return Intake(
        scope["state"]["request_id"],
        gateway.settings,
        gateway.models,
        uploads or {},
        hints or Hints(),
        tasks=gateway.tasks,
        headers=headers,
        query=request.query_params if scope["query_string"] else {},
        path=request.path_params,
    )
