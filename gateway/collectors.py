"""Figures that are read when they are asked for: queue depth, and what the engines say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.models import Models
from gateway.runtime.backlog import Backlog


class DispatchCollector(Collector):
    """Of `workers` processes that share the engines each counts its part of what these hold back."""

    def __init__(self, models: Models, backlog: Backlog, registry: CollectorRegistry, workers: int) -> None:
        self._models = models
        self._backlog = backlog
        self._workers = workers
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Nothing: the engines need not be asked at registration."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        engines = {id(pool.engine): pool.engine for model in self._models.bases for pool in model.pools}
        waiting = sum(engine.health().waiting for engine in engines.values())
        depth = GaugeMetricFamily(
            "gateway_queue_depth",
            "Requests that are fetched, prepared, queued, or waiting in an engine.",
            labels=("lane",),
        )
        for lane, number in self._backlog.depth(waiting / self._workers).items():
            depth.add_metric((lane,), number)
        yield depth
        yield from self._engines()

    def _engines(self) -> Iterator[Metric]:
        running = _gauge("gateway_engine_running", "Requests running in the engine.")
        waiting = _gauge("gateway_engine_waiting", "Requests the engine holds back.")
        usage = _gauge("gateway_engine_kv_usage", "Share of the KV cache in use.")
        slots = _gauge("gateway_engine_slots", "Requests the engine takes at a time.")
        ready = _gauge("gateway_engine_ready", "1 while the engine answers.")
        for model in self._models.bases:
            for pool in model.pools:
                health, labels = pool.engine.health(), (model.name, pool.lane or "all")
                slots.add_metric(labels, pool.slots)
                running.add_metric(labels, health.running)
                waiting.add_metric(labels, health.waiting)
                usage.add_metric(labels, health.kv_usage)
                ready.add_metric(labels, health.ready)
        yield from (slots, running, waiting, usage, ready)


def _gauge(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=("model", "lane"))
