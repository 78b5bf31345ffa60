"""What a format may know of a request beside its body."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from gateway.hints import Hints
from gateway.state import gateway_of
from gateway.wire.base import Intake


def intake(
    request: Request, uploads: Mapping[str, bytes] | None = None, hints: Hints | None = None
) -> Intake:
    gateway = gateway_of(request.scope)
    return Intake(
        request.scope["state"]["request_id"],
        gateway.settings,
        gateway.models,
        uploads or {},
        hints or Hints(),
        tasks=gateway.tasks,
        headers=request.headers,
        query=request.query_params,
        path=request.path_params,
    )
