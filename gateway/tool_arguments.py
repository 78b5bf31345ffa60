"""JSON schemas that clients send, and whether the arguments of a tool call hold to them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec

_ANY: dict[str, Any] = {"type": "object"}
"""What a tool takes that says nothing of its parameters."""
_PATTERNS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000, size_limit=1_000_000)
"""Patterns are a client's: one that would take long to build or to try is refused."""
_LONGEST = 300
"""Characters of a sentence about a schema."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class NotASchema(ValueError):
    """A schema that nothing can be held to; `str()` says why."""


def check_schema(schema: Any) -> None:
    """Raises `NotASchema`."""
    if not isinstance(schema, dict):
        raise NotASchema("It must be an object.")
    try:
        _validator(_encode(schema))
    except RecursionError:
        raise NotASchema("It is nested too deep.") from None
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise NotASchema(_sentence(error)) from None


class Schemas:
    """The schemas of a request's tools, which `check_schema` has let through."""

    def __init__(self, tools: Sequence[dict[str, Any]]) -> None:
        functions = (tool["function"] for tool in tools)
        self._parameters = {function["name"]: parameters_of(function) for function in functions}

    def problem(self, name: str, arguments: str) -> str | None:
        """What is wrong with a call, as a sentence without its values; `None` where it holds."""
        if name not in self._parameters:
            return "The model called a tool that was not given."
        try:
            given = msgspec.json.decode(arguments or "{}", strict=True)
        except msgspec.DecodeError:
            return f"The model's arguments for the tool {name} are not valid JSON."
        try:
            _validator(_encode(self._parameters[name])).validate(given)
        except (jsonschema_rs.ValidationError, ValueError) as error:
            return f"The model's arguments for the tool {name} do not hold to its schema: {_sentence(error)}"
        return None


def parameters_of(function: dict[str, Any]) -> Any:
    """The schema of a function's arguments."""
    return function.get("parameters") or _ANY


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    """Never fetches what a schema refers to, and keeps values out of what it says."""
    return jsonschema_rs.validator_for(
        msgspec.json.decode(schema), pattern_options=_PATTERNS, mask="The value", offline=True
    )


def _sentence(error: Exception) -> str:
    text = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
    where = "".join(f"[{step!r}]" for step in getattr(error, "instance_path", ()))
    return f"{where}: {text}".removeprefix(": ")[:_LONGEST].rstrip(".") + "."
