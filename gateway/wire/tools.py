"""Tools and the choice among them, in the inner language: held against each other for every format."""

from __future__ import annotations

from typing import Any

from gateway.wire.base import invalid

Tools = list[dict[str, Any]]


def check_tools(tools: Tools | None, choice: str | dict[str, Any] | None) -> None:
    """Raises `GatewayError` where a tool has no name, or the choice names none of them."""
    names = {_function_name(tool) for tool in tools or ()}
    if None in names:
        raise invalid("tools", "must be functions, each with a name.")
    if choice is None or choice in ("none", "auto"):
        return
    if not names:
        raise invalid("tool_choice", "needs tools.")
    known = choice == "required" if isinstance(choice, str) else _function_name(choice) in names
    if not known:
        raise invalid("tool_choice", "must be none, auto, required or one of the tools.")


def _function_name(tool: dict[str, Any]) -> str | None:
    """The name in `{"type": "function", "function": {"name": …}}`; `None` where there is none."""
    function = tool.get("function")
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) and name else None
