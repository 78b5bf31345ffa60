"""Finds out who asks, before anything else of a request is looked at.

Paths are judged as the router sees them (`scope["path"]`), so that no other way of writing one
leads around. What it lets through is decided once; whether an admin route may be used is asked
there again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.accounts.accounts import Accounts
from gateway.accounts.keyring import AWAY, unauthenticated
from gateway.accounts.scopes import FIGURES, METRICS, check_path
from gateway.errors import FORBIDDEN, NOT_FOUND, GatewayError
from gateway.principal import ADMIN, LOCAL, Principal
from gateway.routes.errors import ErrorResponse, render_for
from gateway.state import gateway_of

OPEN = frozenset(("/", "/health", "/ready", "/v1/health", "/openapi.json", "/docs"))
_OPEN_BELOW = ("/docs/", "/playground/")
_ADMIN = re.compile(r"/admin(/|$)")
_FOR_ADMINS = re.compile(r"/admin(/|$)|/metrics$|/playground/status$|/v1/usage$")
_GEMINI = re.compile(r"(/m/[^/]+)?/(v1beta/|v1/models(/|$))")
"""Where a key may be part of the query, as Google's clients send it."""
_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")


class Authenticate:
    """Puts the `Principal` into `scope["state"]`, or answers with the refusal in the path's own format."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        gateway = gateway_of(scope)
        try:
            _check_port(scope, gateway.admin_port)
            principal = await _who(scope, headers, gateway.services.accounts)
        except GatewayError as error:
            if error.rule == AWAY:
                gateway.telemetry.store_away.labels("keys_closed").inc()
            render = render_for(scope["path"], headers)
            await ErrorResponse(error, render, scope["state"]["request_id"])(scope, receive, send)
            return
        scope["state"]["principal"] = principal
        await self._app(scope, receive, send)


def _check_port(scope: Scope, admin_port: int | None) -> None:
    """With a port of its own, the admin API is on no other, and nothing else is on that one."""
    if admin_port is None:
        return
    here = (scope.get("server") or ("", 0))[1] == admin_port
    path = scope["path"]
    if bool(_ADMIN.match(path)) != here and not (here and (path in OPEN or path == METRICS)):
        raise GatewayError(NOT_FOUND)


async def _who(scope: Scope, headers: Mapping[str, str], accounts: Accounts) -> Principal:
    path: str = scope["path"]
    settings = accounts.settings
    if _open(path, settings.public_metrics):
        return LOCAL
    secret = _secret(scope, headers)
    if secret is not None and accounts.keyring.is_admin(secret):
        if not _FOR_ADMINS.match(path):
            raise GatewayError(FORBIDDEN, "The admin key administers; it asks no model.", rule="scope.admin")
        return ADMIN
    if _ADMIN.match(path):
        raise unauthenticated("The admin API takes the admin key alone.")
    if await accounts.open_to_all():
        return LOCAL
    if secret is None:
        raise unauthenticated("There is no API key.")
    key = await accounts.keyring.find(secret)
    scope["state"]["principal"] = key.principal  # for the audit log, should it be refused now
    key.check((scope.get("client") or (None,))[0], headers.get("origin"))
    check_path(key.principal, path)
    return key.principal


def _secret(scope: Scope, headers: Mapping[str, str]) -> str | None:
    """The key, wherever the formats' own clients put it."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    for name in _HEADERS:
        if value := headers.get(name):
            return value.strip()
    if scope.get("query_string") and _GEMINI.match(scope["path"]):
        given = parse_qs(scope["query_string"].decode("latin-1")).get("key")
        return given[0] if given else None
    return None


def _open(path: str, public_metrics: bool) -> bool:
    """Whether the path is for everybody: pages and liveness, and the figures where the settings say so."""
    if path in FIGURES:
        return public_metrics
    return path in OPEN or path.startswith(_OPEN_BELOW)
