"""Tasks that operators write: a YAML file each, in the folder that `server.task_folder` names.

    name: invoice
    description: Reads an invoice.
    role: {en: "You read invoices.", zh: "你负责识读发票。"}
    schema: {type: object, properties: {total: {type: number}}, required: [total]}

Checked at the start; a wrong file stops it with a sentence that names the file and the field.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gateway.settings import SettingsError
from gateway.tasks.base import Task

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class TaskFileError(SettingsError):
    """A file of a task is wrong; `str()` is a sentence for the operator."""


def load_tasks(folder: str | None, shipped: Mapping[str, Task], models: Collection[str]) -> dict[str, Task]:
    """All tasks by name: the shipped ones, then those of the folder; `models` are the names of those that
    are served. Raises `TaskFileError`."""
    tasks = dict(shipped)
    for path in _files(folder):
        task = _read(path)
        if task.name in tasks:
            raise TaskFileError(f"{path}: there is already a task named {task.name}.")
        if task.model is not None and task.model not in models:
            raise TaskFileError(f"{path}: there is no model {task.model}.")
        tasks[task.name] = task
    return tasks


def _files(name: str | None) -> list[Path]:
    if name is None:
        return []
    folder = Path(name)
    if not folder.is_dir():
        raise TaskFileError(f"The folder of tasks {folder} does not exist.")
    return sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])


def _read(path: Path) -> Task:
    try:
        tree: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        task = msgspec.convert(tree, Task)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TaskFileError(f"{path} cannot be read: {error}") from error
    except msgspec.ValidationError as error:
        raise TaskFileError(f"{path}: {error}") from error
    _check(path, tree, task)
    return task


def _check(path: Path, tree: dict[str, Any], task: Task) -> None:
    if unknown := tree.keys() - set(Task.__struct_fields__):
        raise TaskFileError(f"{path}: there is no field {', '.join(sorted(unknown))}.")
    if not _NAME.fullmatch(task.name):
        raise TaskFileError(f"{path}: name must be small letters, digits and _ after a letter.")
    if task.plan == "pages" and task.summary_role is None:
        raise TaskFileError(f"{path}: a task that works page by page needs a summary_role.")
    if task.cache_ttl_s is not None and not task.cache_ttl_s >= 0:
        raise TaskFileError(f"{path}: cache_ttl_s must not be negative.")
