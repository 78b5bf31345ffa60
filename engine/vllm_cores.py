"""Engine cores that several processes share: started once, each process a client of them.

This is what `vllm serve --api-server-count` does. Each client renders and reads tokens in a process of
its own; the cores, and with them the weights, are there once.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from engine import torchvision_cpu, vllm_boot
from engine.config import VllmConfig
from engine.vllm_boot import CoreClient


class Cores:
    """The cores of one model. Every method blocks: call it in a thread."""

    def __init__(self, name: str, config: VllmConfig, clients: int) -> None:
        self._name = name
        self._config = config
        self._count = clients
        self._starting = ExitStack()
        self._listeners: Any = None
        self._launch: Any = None

    def launch(self) -> None:
        """Start the processes. Raises whatever vLLM raises when a flag, the checkpoint or the memory is not
        right; `wait_until_loaded` may do so too."""
        torchvision_cpu.install()
        vllm_config, _ = vllm_boot.vllm_config(self._name, self._config, self._count, client=-1)
        from vllm.v1.engine.utils import bind_engine_zmq_listeners, launch_core_engines
        from vllm.v1.executor import Executor

        self._listeners = bind_engine_zmq_listeners(vllm_config, self._count)
        launching = launch_core_engines(
            vllm_config, Executor.get_class(vllm_config), True, self._listeners.addresses
        )
        self._launch = self._starting.enter_context(launching)

    def client(self, index: int) -> CoreClient:
        addresses: dict[str, Any] = {
            "input_address": self._listeners.inputs[index].address,
            "output_address": self._listeners.outputs[index].address,
            "input_listener": self._listeners.inputs[index].socket,
            "output_listener": self._listeners.outputs[index].socket,
        }
        if self._launch.coordinator is not None:
            addresses["stats_update_address"] = self._launch.coordinator.get_stats_publish_address()
        return CoreClient(index, self._count, addresses)

    def handed_over(self) -> None:
        """All clients have been started: their sockets are theirs alone."""
        for listener in (*self._listeners.inputs, *self._listeners.outputs):
            listener.close()

    def wait_until_loaded(self) -> None:
        """Raises where a core ends before that."""
        self._starting.close()

    def wait_until_one_dies(self) -> None:
        """Returns when a core has ended, also where `shutdown` ended it."""
        self._launch.engine_manager.monitor_engine_liveness()

    def tell_clients(self) -> None:
        """Say to every client that the engine is dead, as a core does that can still speak."""
        import zmq
        from vllm.v1.engine.core import EngineCoreProc

        context = zmq.Context()
        for listener in self._listeners.outputs:
            socket = context.socket(zmq.PUSH)
            socket.connect(listener.address)
            socket.send(EngineCoreProc.ENGINE_CORE_DEAD)
            socket.close(linger=1000)
        context.term()

    def shutdown(self, timeout_s: float) -> None:
        if self._launch is None:
            return
        self._launch.engine_manager.shutdown(timeout=timeout_s)
        if self._launch.coordinator is not None:
            self._launch.coordinator.shutdown()
        for listener in (*self._listeners.inputs, *self._listeners.outputs):
            listener.cleanup()
