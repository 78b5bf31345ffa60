"""Engines that answer with a script."""

from __future__ import annotations

from typing import Any

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine


def scripted(answer: str = "", **config: Any) -> ScriptedEngine:
    return ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", answer=answer, **config))
