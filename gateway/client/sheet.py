"""Texts for spreadsheets, which run some of them."""

from __future__ import annotations

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula begins with an apostrophe, and stays a text: what
    stands in a picture or a name is not trusted."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
