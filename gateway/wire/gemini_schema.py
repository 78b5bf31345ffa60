"""Google's way of writing JSON schemas, and names."""

from __future__ import annotations

import re
from typing import Any

_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")


def camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)


_COPIED = ("title", "description", "enum", "minimum", "maximum", "pattern", "required", "default")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
"""Sent as strings: they are 64-bit integers in Google's schema."""


def json_schema(schema: Any) -> dict[str, Any]:
    """Google's `Schema` (types in upper case, `nullable`) as JSON schema."""
    if not isinstance(schema, dict):
        return {}
    given = {camel(key): inner for key, inner in schema.items()}
    out: dict[str, Any] = {key: given[key] for key in _COPIED if given.get(key) is not None}
    out |= {key: int(given[key]) for key in _COUNTS if str(given.get(key)).isdecimal()}
    if isinstance(kind := given.get("type"), str) and kind != "TYPE_UNSPECIFIED":
        out["type"] = [kind.lower(), "null"] if given.get("nullable") else kind.lower()
    if isinstance(properties := given.get("properties"), dict):
        order = given.get("propertyOrdering") or list(properties)
        names = sorted(properties, key=lambda name: order.index(name) if name in order else len(order))
        out["properties"] = {name: json_schema(properties[name]) for name in names}
    if "items" in given:
        out["items"] = json_schema(given["items"])
    if isinstance(options := given.get("anyOf"), list):
        out["anyOf"] = [json_schema(option) for option in options]
    return out
