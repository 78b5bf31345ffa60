"""A few figures of the running server, for the strip on the page: much less than all metrics."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import Counter

from gateway.state import Gateway


def status(gateway: Gateway) -> dict[str, Any]:
    """Counters since the start, and what waits and runs now.

    Whoever asks twice gets rates from the differences; `clock` is in seconds.
    """
    telemetry = gateway.telemetry
    pools = {id(pool.engine): pool.engine for model in gateway.models for pool in model.pools}
    health = [engine.health() for engine in pools.values()]
    lookups = _by_label(telemetry.cache_lookups, "result")
    depth = gateway.services.backlog.depth(sum(engine.waiting for engine in health))
    return {
        "ready": gateway.ready,
        "clock": time.monotonic(),
        "queue_depth": depth,
        "running": sum(engine.running for engine in health),
        "requests": sum(_by_label(telemetry.requests, "code").values()),
        "cache": {
            "hits": lookups.get("memory", 0) + lookups.get("store", 0),
            "lookups": sum(number for result, number in lookups.items() if result != "bypass"),
        },
    }


def _by_label(counter: Counter, label: str) -> dict[str, float]:
    """The counts of a counter by one of its labels, summed over the others."""
    counts: dict[str, float] = {}
    for metric in counter.collect():
        for sample in metric.samples:
            if sample.name.endswith("_total"):
                value = sample.labels[label]
                counts[value] = counts.get(value, 0) + sample.value
    return counts
