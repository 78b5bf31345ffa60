"""Reads the configuration: a YAML file, then `QWEN_VL_*` variables, then flags; later ones win."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.settings.tree import PREFIX, Settings


class SettingsError(Exception):
    """A setting is wrong or unknown; `str()` is a sentence for the operator."""


def load_settings(file: str | Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Read the configuration. `flags` is a tree such as `{"server": {"port": 9000}}`.

    Raises `SettingsError`.
    """
    tree = _read_file(Path(file)) if file else {}
    _refuse_unknown_variables()
    try:
        return Settings(_file=tree, **(flags or {}))  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The configuration file {path} is not valid YAML: {error}") from error
    if not isinstance(tree, dict):
        raise SettingsError(f"The configuration file {path} must hold settings by name.")
    return tree


_FOR_OTHERS = frozenset(("config", "base_url", "api_key", "extra"))
"""Variables with our prefix that the command line, the SDK and the set-up read."""


def _refuse_unknown_variables() -> None:
    """pydantic-settings reads the variables it knows and passes over the rest; a typo must not pass."""
    for variable in os.environ:
        if variable.upper().startswith(PREFIX):
            top = variable.upper().removeprefix(PREFIX).split("__")[0].lower()
            if top not in Settings.model_fields and top not in _FOR_OTHERS:
                raise SettingsError(f"The environment variable {variable} names no setting.")


def _sentence(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "configuration"
        if problem["type"] == "extra_forbidden":
            lines.append(f"There is no setting {name}.")
        else:
            lines.append(f"The setting {name} is wrong: {problem['msg']}.")
    return " ".join(lines)
