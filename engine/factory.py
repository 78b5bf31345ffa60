"""Configuration to engine. Engines are imported only when asked for: vLLM takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.base import Engine
from engine.config import EngineConfig, RemoteConfig, ScriptedConfig, VllmConfig

if TYPE_CHECKING:
    from engine.vllm_boot import CoreClient
    from engine.vllm_cores import Cores


def build_engine(name: str, config: EngineConfig, client: CoreClient | None = None) -> Engine:
    """The engine that serves the model called `name`; not loaded yet. A `client` reaches cores of an
    embedded engine that another process has started."""
    if isinstance(config, RemoteConfig):
        from engine.remote import RemoteEngine

        return RemoteEngine(name, config)
    if isinstance(config, ScriptedConfig):
        from engine.scripted import ScriptedEngine

        return ScriptedEngine(name, config)
    from engine.vllm_engine import VllmEngine

    return VllmEngine(name, config, client)


def build_cores(name: str, config: VllmConfig, clients: int) -> Cores:
    """The cores of an embedded engine for so many client processes; not started yet."""
    from engine.vllm_cores import Cores

    return Cores(name, config, clients)
