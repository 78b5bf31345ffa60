"""Google's way of writing JSON schemas, and names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from gateway.wire.base import invalid

_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")


def camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)


_COPIED = ("title", "description", "enum", "minimum", "maximum", "pattern", "required", "default")
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
"""Sent as strings: they are 64-bit integers in Google's schema."""
_DIGITS = 18
"""Of a count; 64 bits hold as many, whatever they are."""


def json_schema(schema: Any) -> dict[str, Any]:
    """Google's `Schema` (types in upper case, `nullable`) as JSON schema. Raises `GatewayError`."""
    if not isinstance(schema, dict):
        return {}
    given = {camel(key): inner for key, inner in schema.items()}
    out: dict[str, Any] = {key: given[key] for key in _COPIED if given.get(key) is not None}
    out |= {key: _count(key, given[key]) for key in _COUNTS if str(given.get(key)).isdecimal()}
    if isinstance(kind := given.get("type"), str) and kind != "TYPE_UNSPECIFIED":
        out["type"] = [kind.lower(), "null"] if given.get("nullable") else kind.lower()
    if isinstance(properties := given.get("properties"), dict):
        names = _ordered(properties, given.get("propertyOrdering"))
        out["properties"] = {name: json_schema(properties[name]) for name in names}
    if "items" in given:
        out["items"] = json_schema(given["items"])
    if isinstance(options := given.get("anyOf"), list):
        out["anyOf"] = [json_schema(option) for option in options]
    return out


def _count(key: str, value: Any) -> int:
    if len(str(value)) > _DIGITS:
        raise invalid(key, f"has more than {_DIGITS} digits.")
    return int(value)


def _ordered(names: Iterable[str], order: Any) -> list[str]:
    """The names as the order has them, and behind them those that it passes over."""
    if order is None:
        return list(names)
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        raise invalid("propertyOrdering", "must be a list of names.")
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: places.get(name, len(order)))
