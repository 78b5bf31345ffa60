"""Whether a principal may ask for this. One place for all wire formats and jobs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from gateway.call import Call
from gateway.errors import FORBIDDEN, GatewayError
from gateway.principal import Principal
from gateway.settings import TierSettings

PLAIN_CHAT = "chat"
"""What scopes call a call without a task."""
METRICS = "/metrics"
FIGURES = frozenset((METRICS, "/playground/status"))
"""Paths that tell of all tenants at once."""
_SERVED = re.compile(r"/m/[^/]+(?=/)")


def check_path(principal: Principal, path: str) -> None:
    """Whether the key may use the path at all. Raises `GatewayError`.

    The same paths below `/m/{model}` are meant too. Figures tell of all tenants: a key must name metrics.
    """
    allowed = principal.scopes.endpoints
    path = _SERVED.sub("", path, count=1)
    if path in FIGURES:
        if METRICS not in allowed:
            raise _forbidden("endpoints", "read metrics")
    elif allowed and not any(fnmatchcase(path, pattern) for pattern in allowed):
        raise _forbidden("endpoints", "use this path")


def check_call(call: Call, tier: TierSettings | None) -> None:
    """Whether the key may ask for this task, model and lane. Raises `GatewayError`."""
    scopes, model = call.principal.scopes, call.chat.model
    if scopes.tasks and (call.task or PLAIN_CHAT) not in scopes.tasks:
        raise _forbidden("tasks", f"ask for the task {call.task or PLAIN_CHAT}")
    if (scopes.models and model not in scopes.models) or (tier and tier.models and model not in tier.models):
        raise _forbidden("models", f"ask the model {model}")
    if scopes.lanes and call.lane not in scopes.lanes:
        raise _forbidden("lanes", f"use the lane {call.lane}")


def _forbidden(scope: str, what: str) -> GatewayError:
    return GatewayError(FORBIDDEN, f"The API key may not {what}.", rule=f"scope.{scope}")
