"""What the OpenAPI document says of keys, usage and the archive."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.accounts.key import KeyView
from gateway.accounts.orders import NewKey
from gateway.archive.removal import Removed

_JSON = "application/json"


def _inline(kind: type) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([kind], ref_template="{name}")
    found = components[schema["$ref"]] if "$ref" in schema else schema
    inlined: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return inlined


_VIEW = _inline(KeyView)
_MADE = {"allOf": [_VIEW, {"type": "object", "required": ["key"], "properties": {"key": {"type": "string"}}}]}
_USAGE = {
    "type": "object",
    "required": ["rows", "total"],
    "properties": {
        "rows": {"type": "array", "items": {"type": "object"}},
        "total": {"type": ["object", "null"]},
    },
}
_REMOVED = {
    "type": "object",
    "required": ["tenant", "removed"],
    "properties": {"tenant": {"type": "string"}, "removed": _inline(Removed)},
}
_LIST = {"type": "object", "required": ["keys"], "properties": {"keys": {"type": "array", "items": _VIEW}}}


def _operation(
    summary: str,
    reply: dict[str, Any],
    *,
    body: dict[str, Any] | None = None,
    status: str = "200",
    admin: bool = True,
) -> dict[str, Any]:
    refusals = {code: {"description": "Refused"} for code in ("400", "401", "403", "404", "503")}
    operation: dict[str, Any] = {
        "summary": summary,
        "security": [{"adminKey": []}] if admin else [{"apiKey": []}, {}],
        "responses": {
            status: {"description": summary, "content": {_JSON: {"schema": reply}}},
            **refusals,
        },
    }
    if body:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": body}}}
    return operation


def _of_one(**operations: dict[str, Any]) -> dict[str, Any]:
    return _with_place("id", operations)


def _with_place(name: str, operations: dict[str, dict[str, Any]]) -> dict[str, Any]:
    place = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}}]
    return {method: operation | {"parameters": place} for method, operation in operations.items()}


ADMIN: dict[str, Any] = {
    "/admin/keys": {
        "post": _operation("Make a key", _MADE, body=_inline(NewKey), status="201"),
        "get": _operation("All keys", _LIST),
    },
    "/admin/keys/{id}": _of_one(
        get=_operation("One key", _VIEW), delete=_operation("Revoke a key for good", _VIEW)
    ),
    "/admin/keys/{id}/disable": _of_one(post=_operation("Stop a key", _VIEW)),
    "/admin/keys/{id}/enable": _of_one(post=_operation("Let a key work again", _VIEW)),
    "/v1/usage": {"get": _operation("What was used, by the dimensions named in `by`", _USAGE, admin=False)},
    "/admin/archive/{tenant}": _with_place(
        "tenant", {"delete": _operation("Delete all that the archive has of a tenant", _REMOVED)}
    ),
    "/admin/keys/{id}/rotate": _of_one(post=_operation("Give a key a new text", _MADE)),
}
"""By path and method."""

SECURITY = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `sk-…`."},
    "adminKey": {"type": "http", "scheme": "bearer", "description": "The admin key."},
}
"""How keys are sent."""
