"""Engines that answer with a script."""

from __future__ import annotations

from typing import Any

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine


def scripted(answer: str = "", name: str = "qwen3-vl-30b", **config: Any) -> ScriptedEngine:
    return ScriptedEngine(name, ScriptedConfig(kind="scripted", answer=answer, **config))
