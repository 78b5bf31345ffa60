"""The floors of the house: a file imports only lower floors, and there are no circles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS: tuple[tuple[str, ...], ...] = (
    ("engine.types", "engine.errors", "engine.own_thread", "engine._site", "engine.torchvision_cpu"),
    ("engine.base", "engine.config", "engine.http", "engine.openai_chunks", "engine.remote_body"),
    (
        "engine.vllm_boot",
        "engine.vllm_lora",
        "engine.vllm_request",
        "engine.vllm_chunks",
        "engine.vllm_tools",
    ),
    ("engine.vllm_engine", "engine.vllm_cores", "engine.remote", "engine.scripted"),
    ("engine.factory",),
    ("gateway.errors", "gateway.call", "gateway.principal"),
    ("gateway.stream", "gateway.hints", "gateway.reply_headers", "gateway.runtime", "gateway.tool_arguments"),
    ("gateway.settings", "gateway.stores", "gateway.telemetry"),
    ("gateway.models", "gateway.media", "gateway.safety", "gateway.tasks"),
    (
        "gateway.accounts",
        "gateway.usage",
        "gateway.archive",
        "gateway.audit",
        "gateway.cache",
        "gateway.lanes",
        "gateway.collectors",
    ),
    ("gateway.stages", "gateway.wire"),
    (
        "gateway.pipeline",
        "gateway.responses",
        "gateway.openapi",
    ),
    ("gateway.jobs",),
    ("gateway.state",),
    ("gateway.middleware", "gateway.playground", "gateway.routes"),
    ("gateway.app", "gateway.connection", "gateway.doctor", "gateway.example_config"),
    ("gateway.server", "gateway.banner"),
    ("gateway.workers",),
    ("gateway.client", "gateway.load"),
    ("gateway.reports",),
    ("gateway.cli", "gateway.commands"),
)
SIBLINGS_APART = (("gateway.stages", "gateway.wire"),)
TRAINING = "engine.demo"
"""Trains on the very prompts of the tasks, and is imported by nobody."""


def modules() -> dict[str, ast.Module]:
    found = {}
    for package in ("engine", "gateway"):
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if not name.startswith(TRAINING):
                found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()


def group(name: str) -> str | None:
    """The entry of `FLOORS` that a module belongs to; `None` for the bare packages."""
    entries = [entry for floor in FLOORS for entry in floor]
    return next((entry for entry in entries if name == entry or name.startswith(entry + ".")), None)


def floor(name: str) -> int:
    return next(number for number, entries in enumerate(FLOORS) if group(name) in entries)


def imports(tree: ast.Module, *, of_types_too: bool = False) -> set[str]:
    """Modules of this project, and top-level packages of others, that a module imports."""
    found: set[str] = set()
    skipped = set() if of_types_too else {id(n) for block in _type_checking(tree) for n in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (submodules & MODULES.keys()) or {node.module}
    return found


def _type_checking(tree: ast.Module) -> list[ast.If]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_has_a_floor_and_imports_only_lower_ones(name: str) -> None:
    if name in ("engine", "gateway"):
        return
    assert group(name), f"{name} has no floor: add it to FLOORS"
    for imported in imports(MODULES[name]) & MODULES.keys() - {"engine", "gateway"}:
        same_group = group(imported) == group(name)
        assert same_group or floor(imported) <= floor(name), (
            f"{name} imports {imported}, which stands above it"
        )


def test_no_module_imports_itself_over_a_circle() -> None:
    graph = {name: imports(tree) & MODULES.keys() for name, tree in MODULES.items()}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path[path.index(name) :], name))
        if name not in done:
            for imported in graph[name]:
                visit(imported, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(("left", "right"), SIBLINGS_APART)
def test_siblings_do_not_import_each_other(left: str, right: str) -> None:
    for name, tree in MODULES.items():
        for one, other in ((left, right), (right, left)):
            if group(name) == one:
                assert not [i for i in imports(tree) if i.startswith(other)], f"{name} imports from {other}"


def test_only_the_embedded_engine_imports_vllm() -> None:
    for name, tree in MODULES.items():
        if not name.startswith("engine.vllm_"):
            assert not [i for i in imports(tree, of_types_too=True) if i.split(".")[0] == "vllm"], name


def test_the_engine_knows_nothing_of_the_gateway_or_of_http_servers() -> None:
    for name, tree in MODULES.items():
        if name.startswith("engine."):
            assert not [i for i in imports(tree) if i.split(".")[0] in ("gateway", "uvicorn")], name


def test_nobody_imports_the_training_code() -> None:
    for name, tree in MODULES.items():
        assert not [i for i in imports(tree) if i.startswith(TRAINING)], name


def test_files_hold_one_job() -> None:
    for name, tree in MODULES.items():
        assert max((n.end_lineno or 0 for n in tree.body), default=0) <= 300, f"{name} has over 300 lines"
