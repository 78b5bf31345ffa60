"""Rules as YAML. Every mistake is told with its line."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec
import yaml

from gateway.reports.errors import ReportError

Of = Literal["value", "growth"]
_CHECKS = ("below", "above", "falls_by", "rises_by", "missing")
_KEYS = ("name", "series", "of", "running", "flag", *_CHECKS)


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One check of all series whose full name matches. Exactly one of the five checks is set."""

    name: str
    flag: str
    series: str = "*"
    """A pattern as of file names, without regard to capitals."""
    of: Of = "value"
    """The values, or their growth over the one before in percent."""
    running: int = 1
    """Holds where it is so for this many points, or steps, one after the other."""
    below: float | None = None
    above: float | None = None
    falls_by: float | None = None
    """By more than this from one point to the next, in the unit of the values or in percentage points."""
    rises_by: float | None = None
    missing: tuple[str, ...] | None = None
    """Labels that must have a value; none named: all that the figures show, and the series itself."""


def load_rules(path: str | Path) -> list[Rule]:
    """Raises `ReportError`, which names the line."""
    path = Path(path)
    try:
        return parse_rules(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ReportError(f"{path}: is not UTF-8 text.") from None


def parse_rules(text: str, name: str) -> list[Rule]:
    """`name` is what mistakes are told with. Raises `ReportError`."""
    return _Reader(name).read(text)


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name

    def read(self, text: str) -> list[Rule]:
        try:
            root = yaml.compose(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ReportError(f"{self._name}: line {line}: {error.problem}.") from None
        except yaml.YAMLError as error:
            raise ReportError(f"{self._name}: is not YAML: {error}") from None
        fields = self._mapping(root, ("rules",), "The file must have a list `rules`") if root else {}
        if "rules" not in fields or not isinstance(fields["rules"], yaml.SequenceNode):
            self._wrong(fields.get("rules", root), "The file must have a list `rules`")
        return [self._rule(node) for node in fields["rules"].value]

    def _rule(self, node: yaml.Node) -> Rule:
        fields = self._mapping(node, _KEYS, "A rule must be a mapping")
        checks = [key for key in _CHECKS if key in fields]
        if len(checks) != 1:
            self._wrong(node, f"A rule must have exactly one of {', '.join(_CHECKS)}")
        given: dict[str, Any] = {key: self._value(key, value) for key, value in fields.items()}
        if "flag" not in given:
            self._wrong(node, "A rule must have a flag")
        if checks == ["missing"] and (odd := [key for key in ("of", "running") if key in given]):
            self._wrong(fields[odd[0]], f"`{odd[0]}` says nothing about what is missing")
        given.setdefault("name", f"{given['flag']} ({checks[0]})")
        return Rule(**given)

    def _mapping(self, node: yaml.Node, keys: tuple[str, ...], why: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, why)
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in keys:
                self._wrong(key, f"`{key.value}` is not known; there are {', '.join(keys)}")
            if key.value in fields:
                self._wrong(key, f"`{key.value}` is there twice")
            fields[key.value] = value
        return fields

    def _value(self, key: str, node: yaml.Node) -> Any:
        try:
            value = yaml.SafeLoader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError):
            self._wrong(node, f"`{key}` cannot be read")
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if key == "missing":
            return self._labels(node, value)
        if key in ("below", "above") and not number:
            self._wrong(node, f"`{key}` must be a number")
        if key in ("falls_by", "rises_by") and not (number and value >= 0):
            self._wrong(node, f"`{key}` must be a number from 0 up")
        if key == "running" and not (isinstance(value, int) and number and value >= 1):
            self._wrong(node, "`running` must be a whole number from 1 up")
        if key == "of" and value not in ("value", "growth"):
            self._wrong(node, "`of` must be value or growth")
        if key in ("name", "series", "flag") and not (isinstance(value, str) and value):
            self._wrong(node, f"`{key}` must be text")
        return value

    def _labels(self, node: yaml.Node, value: Any) -> tuple[str, ...]:
        if value is True:
            return ()
        if not isinstance(value, list) or not value:
            self._wrong(node, "`missing` must be true or a list of labels")
        return tuple(str(label) for label in value)

    def _wrong(self, node: yaml.Node | None, why: str) -> NoReturn:
        line = node.start_mark.line + 1 if node else 1
        raise ReportError(f"{self._name}: line {line}: {why}.")
