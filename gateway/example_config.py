"""Every setting with its description and default, as a YAML file: what `qwen-vl config` prints.

`gateway.example.yaml` is this text; a test holds the two together.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, get_args

import yaml
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.config import DEMO_CHECKPOINT, RemoteConfig, ScriptedConfig, VllmConfig
from gateway.settings import DEFAULT_MODEL, ModelSettings, Settings, TaskSettings

_HEAD = """\
# Every setting of qwen-vl-gateway with its default. Copy what you change.
#
#   qwen-vl serve --config gateway.yaml
#
# A setting may come from the environment too, and then wins over the file:
#   QWEN_VL_SERVER__PORT=9000
# A setting that does not exist, or has a wrong value, stops the start.
"""


def example() -> str:
    """The whole file."""
    lines = [_HEAD]
    for name, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}", f"{name}:"]
        lines += _entries(name, field)
    return "\n".join(lines) + "\n"


def _entries(name: str, field: FieldInfo) -> Iterator[str]:
    if name == "models":
        yield from _models()
    elif name == "tasks":
        yield "  {}"
        yield "  # vqa:"
        yield from (f"  # {line.removeprefix('  ')}" for line in _fields(TaskSettings, 2))
    else:
        yield from _section(field.get_default(call_default_factory=True), 1)


def _models() -> Iterator[str]:
    yield f"  {DEFAULT_MODEL}:"
    fields = ModelSettings.model_fields
    for name in sorted(fields, key=lambda name: name == "engine"):
        yield from _described(fields[name], 2)
        if name == "engine":
            yield "    engine:"
            yield from _section(VllmConfig(), 3)
        else:
            models = Settings.model_fields["models"].get_default(call_default_factory=True)
            default = models[DEFAULT_MODEL]
            yield f"    {name}: {_value(getattr(default, name))}"
    for title, config in (("another server's model", RemoteConfig), ("no model at all", ScriptedConfig)):
        yield f"  # Instead of the engine above, {title}:"
        yield "  # engine:"
        yield from (f"  # {line.removeprefix('    ')}" for line in _fields(config, 3))


def _section(section: BaseModel, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        yield from _described(field, depth)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _section(value, depth + 1)
        elif isinstance(value, dict) and any(isinstance(one, BaseModel) for one in value.values()):
            yield f"{indent}{name}:"
            for key, one in value.items():
                yield f"{indent}  {key}:"
                yield from _section(one, depth + 2)
        else:
            yield f"{indent}{name}: {_value(value)}"
            if not value and (inner := _inner(field.annotation)):
                yield from _commented(inner, depth + 1, named=value is not None)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The section that a setting is made of, where it may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)


def _commented(section: type[BaseModel], depth: int, *, named: bool) -> Iterator[str]:
    """What may stand there; below a name of one's own, where there may be several."""
    indent = "  " * depth
    if named:
        yield f"{indent}# name:"
    for line in _fields(section, depth + named):
        yield f"{indent}# {line.removeprefix(indent)}"


def _fields(config: type[BaseModel], depth: int) -> Iterator[str]:
    """As `_section`, for one that has settings without a default."""
    for name, field in config.model_fields.items():
        yield from _described(field, depth)
        default = field.get_default(call_default_factory=True)
        shown = "" if default is PydanticUndefined else f" {_value(default)}"
        if name == "kind":
            shown = f" {config.__name__.removesuffix('Config').lower()}"
        yield f"{'  ' * depth}{name}:{shown}"


def _described(field: FieldInfo, depth: int) -> Iterator[str]:
    indent = "  " * depth
    for line in textwrap.wrap(field.description or "", 100 - len(indent)):
        yield f"{indent}# {line}"


def _value(value: Any) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value == str(DEMO_CHECKPOINT):
        return "engine/demo/checkpoint"
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
