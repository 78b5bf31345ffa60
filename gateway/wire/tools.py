"""Tools, the choice among them, and the form of the answer, checked once for all formats."""

from __future__ import annotations

from typing import Any

from gateway.tool_arguments import NotASchema, check_schema, parameters_of
from gateway.wire.base import invalid

Tools = list[dict[str, Any]]
_FORMS = ("text", "json_object", "json_schema")


def check_tools(tools: Tools | None, choice: str | dict[str, Any] | None) -> None:
    """Raises `GatewayError` where a tool has no name or no schema, or the choice names none of them."""
    names = {_function_name(tool) for tool in tools or ()}
    if None in names:
        raise invalid("tools", "must be functions, each with a name.")
    for number, tool in enumerate(tools or ()):
        _check(parameters_of(tool["function"]), f"tools[{number}].function.parameters")
    if choice is None or choice in ("none", "auto"):
        return
    if not names:
        raise invalid("tool_choice", "needs tools.")
    known = choice == "required" if isinstance(choice, str) else _function_name(choice) in names
    if not known:
        raise invalid("tool_choice", "must be none, auto, required or one of the tools.")


def check_form(form: dict[str, Any] | None) -> None:
    """Raises `GatewayError` where an OpenAI `response_format` is of no known type, or its schema is none."""
    if not form:
        return
    if form.get("type") not in _FORMS:
        raise invalid("response_format.type", f"must be {', '.join(_FORMS[:-1])} or {_FORMS[-1]}.")
    if form["type"] == "json_schema":
        given = form.get("json_schema")
        if not isinstance(given, dict) or not isinstance(given.get("schema"), dict):
            raise invalid("response_format.json_schema", "must hold a schema.")
        _check(given["schema"], "response_format.json_schema.schema")


def _check(schema: Any, field: str) -> None:
    try:
        check_schema(schema)
    except NotASchema as error:
        raise invalid(field, f"is no JSON schema: {error}") from None


def _function_name(tool: dict[str, Any]) -> str | None:
    """The name in `{"type": "function", "function": {"name": …}}`; `None` where there is none."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None
