"""Configuration to engine. Engines are imported only when asked for: vLLM takes seconds."""

from __future__ import annotations

from engine.base import Engine
from engine.config import EngineConfig, RemoteConfig, ScriptedConfig


def build_engine(name: str, config: EngineConfig) -> Engine:
    """The engine that serves the model called `name`; not loaded yet."""
    if isinstance(config, RemoteConfig):
        from engine.remote import RemoteEngine

        return RemoteEngine(name, config)
    if isinstance(config, ScriptedConfig):
        from engine.scripted import ScriptedEngine

        return ScriptedEngine(name, config)
    from engine.vllm_engine import VllmEngine

    return VllmEngine(name, config)
