"""Starts several workers and what they share, watches over them, and ends them together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.config import VllmConfig
from engine.factory import build_cores
from engine.vllm_cores import Cores
from gateway.call import Lane
from gateway.models import traced
from gateway.runtime.ending import end
from gateway.server import EXIT_ENGINE, EXIT_OK
from gateway.settings import Settings
from gateway.workers.process import Worker
from gateway.workers.share import part_of
from gateway.workers.stores import Stores
from gateway.workers.worker import Part

log = logging.getLogger("gateway")

_MARGIN_S = 10.0
"""Seconds beyond the drain time after which a worker that has not ended is killed."""
_SHUTDOWN_S = 5.0
_PAUSE_S = 1.0


class Supervisor:
    """The parent of `server.workers` processes that serve `socks`.

    The embedded stores and the cores of embedded engines are its own. A worker that ends without being
    told is started again; not so where it was a client of embedded cores, which take no new client: then
    all end, with the status that asks for a fresh start. `announce` is told once how many seconds it took
    until all were ready.
    """

    def __init__(
        self, settings: Settings, socks: list[socket.socket], announce: Callable[[float], None]
    ) -> None:
        self._settings = settings
        self._socks = socks
        self._announce = announce
        self._stores = Stores(settings)
        self._cores = _cores(settings)
        self._workers: dict[int, Worker] = {}
        self._began = time.monotonic()
        self._all_were_ready = False
        self._stopping = False
        self._status = EXIT_OK
        self._done = asyncio.Event()
        self._make_part: Callable[[int], Part]

    async def run(self) -> int:
        """Returns the exit status when all have ended. Raises `SettingsError` where there is no start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        await self._stores.start()
        watching: list[asyncio.Task[None]] = []
        with tempfile.TemporaryDirectory(prefix="qwen-vl-") as folder:
            try:
                if await self._launch_cores():
                    self._start_workers(Path(folder))
                    watching = [asyncio.create_task(self._watch(cores)) for cores in self._cores.values()]
                    await self._done.wait()
            finally:
                await asyncio.gather(
                    *(asyncio.to_thread(cores.shutdown, _SHUTDOWN_S) for cores in self._cores.values())
                )
                await end(watching)
                await self._stores.aclose()
        return self._status

    def stop(self, status: int = EXIT_OK) -> None:
        """All finish what they have begun, within the drain time. Asked twice, they stop now."""
        if not self._stopping:
            self._stopping = True
            self._status = status
            limit = self._settings.server.drain_timeout_s + _MARGIN_S
            asyncio.get_running_loop().call_later(limit, self._tell_all, signal.SIGKILL)
        self._tell_all(signal.SIGTERM)
        if not self._workers:
            self._done.set()

    def _tell_all(self, number: int) -> None:
        for worker in self._workers.values():
            worker.send(number)

    async def _launch_cores(self) -> bool:
        """One model after the other, since each wants the whole machine meanwhile; the last one loads
        while the workers start. False where there is nothing to work with."""
        before: Cores | None = None
        for (name, _), cores in self._cores.items():
            try:
                if before is not None:
                    await asyncio.to_thread(before.wait_until_loaded)
                await asyncio.to_thread(cores.launch)
            except Exception as error:  # whatever vLLM raises
                log.error("The model %s could not be loaded: %s", name, error)
                self.stop(EXIT_ENGINE)
            if self._stopping:
                return False
            before = cores
        return True

    def _start_workers(self, folder: Path) -> None:
        settings = part_of(self._settings, cache_url=self._stores.cache_url, state_url=self._stores.state_url)

        def part(index: int) -> Part:
            clients = {name: cores.client(index) for name, cores in self._cores.items()}
            return Part(index, settings, self._socks, clients, folder)

        self._make_part = part
        for index in range(self._settings.server.workers):
            self._start_worker(index)
        for cores in self._cores.values():
            cores.handed_over()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGUSR1, signal.SIGUSR2):
            loop.add_signal_handler(number, self._tell_all, number)

    def _start_worker(self, index: int) -> None:
        if not self._stopping:
            self._workers[index] = Worker(self._make_part(index), self._worker_ended, self._worker_ready)

    def _worker_ready(self) -> None:
        if not self._all_were_ready and all(worker.ready for worker in self._workers.values()):
            self._all_were_ready = True
            self._announce(time.monotonic() - self._began)

    def _worker_ended(self, worker: Worker) -> None:
        del self._workers[worker.index]
        if self._stopping:
            self._status = self._status or max(worker.status, EXIT_OK)
            if not self._workers:
                self._done.set()
        elif self._cores or not self._all_were_ready:
            log.error("worker %d has ended with %d; all end", worker.index, worker.status)
            self.stop(worker.status if worker.status > 0 else EXIT_ENGINE)
        else:
            log.warning("worker %d has ended with %d; starting it again", worker.index, worker.status)
            asyncio.get_running_loop().call_later(_PAUSE_S, self._start_worker, worker.index)

    async def _watch(self, cores: Cores) -> None:
        """Sees to it that the workers hear of the end of their engine, and have its exit status."""
        try:
            await asyncio.to_thread(cores.wait_until_loaded)
        except Exception as error:  # whatever vLLM raises: there is no engine
            if not self._stopping:
                log.error("an engine could not be started: %s", error)
                self.stop(EXIT_ENGINE)
            return
        await asyncio.to_thread(cores.wait_until_one_dies)
        if not self._stopping:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(cores.tell_clients)


def _cores(settings: Settings) -> Mapping[tuple[str, Lane | None], Cores]:
    """Of every embedded engine, in the order in which workers load them."""
    found: dict[tuple[str, Lane | None], Cores] = {}
    for name, model in settings.models.items():
        for lane, config in ((None, model.engine), *model.pools.items()):
            config = traced(config, settings)
            if isinstance(config, VllmConfig):
                found[name, lane] = build_cores(name, config, settings.server.workers)
    return found
