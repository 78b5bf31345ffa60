"""What a format may know of a request beside its body."""

from __future__ import annotations

from starlette.requests import Request

from gateway.state import gateway_of
from gateway.wire.base import Intake


def intake(request: Request) -> Intake:
    gateway = gateway_of(request.scope)
    return Intake(
        request.scope["state"]["request_id"],
        gateway.settings,
        gateway.models,
        tasks=gateway.tasks,
        headers=request.headers,
        path=request.path_params,
    )
