"""The gateway's metrics. vLLM's own land in the same Prometheus registry by themselves."""

from __future__ import annotations

from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Telemetry:
    """Metrics of one gateway. Labels are bounded: task and model names come from tables, never from users."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or DEFAULT_REGISTRY
        self.requests = Counter(
            "gateway_requests",
            "Requests by wire format, task and business code.",
            ("wire", "task", "code"),
            registry=self.registry,
        )
        self.inflight = Gauge(
            "gateway_inflight", "Requests being worked on.", ("lane",), registry=self.registry
        )
        self.duration = Histogram(
            "gateway_request_seconds",
            "From the parsed request to the last byte.",
            ("wire", "task"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.first_chunk = Histogram(
            "gateway_time_to_first_chunk_seconds",
            "From the parsed request to the first chunk of a stream.",
            ("lane",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.disconnects = Counter(
            "gateway_client_disconnects",
            "Clients that left before their answer.",
            ("wire",),
            registry=self.registry,
        )
        self.tokens = Counter(
            "gateway_tokens", "Tokens by model and kind.", ("model", "kind"), registry=self.registry
        )
        self.ready = Gauge("gateway_ready", "1 while the gateway takes requests.", registry=self.registry)
