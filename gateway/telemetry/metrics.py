"""The gateway's metrics. vLLM's own land in the same Prometheus registry by themselves."""

from __future__ import annotations

from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.errors import CODES, OVERLOAD_REASONS, Code
from gateway.runtime.backlog import LANES
from gateway.telemetry.tracing import OFF, Tracing

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_LIMITS = (
    *("requests", "uploads", "other_requests", "concurrency", "tokens"),
    *("monthly_tokens", "monthly_cost", "tenant_monthly_tokens", "tenant_monthly_cost"),
)
_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)


class Telemetry:
    """Metrics of one gateway. Labels are bounded: task and model names come from tables, never from users."""

    def __init__(self, registry: CollectorRegistry | None = None, tracing: Tracing = OFF) -> None:
        self.registry = registry or DEFAULT_REGISTRY
        self.tracing = tracing
        self.requests = Counter(
            "gateway_requests",
            "Requests by wire format, task and business code.",
            ("wire", "task", "code"),
            registry=self.registry,
        )
        self.failures = Counter(
            "gateway_failures",
            "Requests that failed by the server's fault, by business code.",
            ("code",),
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
        self.between_tokens = Histogram(
            "gateway_inter_token_seconds",
            "Mean time between the chunks of one stream.",
            ("lane",),
            buckets=_SHORT,
            registry=self.registry,
        )
        self.queue_wait = Histogram(
            "gateway_queue_wait_seconds",
            "Wait for a slot of an engine.",
            ("lane",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.cache_lookups = Counter(
            "gateway_cache_lookups",
            "Requests by what the cache had: memory and store are hits.",
            ("result",),
            registry=self.registry,
        )
        self.cache_errors = Counter(
            "gateway_cache_errors", "What the cache could not do.", ("what",), registry=self.registry
        )
        self.coalesced = Counter(
            "gateway_coalesced", "Requests that joined another one's run.", registry=self.registry
        )
        self.degraded = Counter(
            "gateway_degraded",
            "Answers of a smaller model, by that model, lane and why.",
            ("model", "lane", "reason"),
            registry=self.registry,
        )
        self.refused = Counter(
            "gateway_refused", "Requests that no model took.", ("lane", "reason"), registry=self.registry
        )
        self.limited = Counter(
            "gateway_limited", "Requests over a limit of their key.", ("limit",), registry=self.registry
        )
        self.store_away = Counter(
            "gateway_state_store_away",
            "Requests judged without the state store, by what was done instead.",
            ("instead",),
            registry=self.registry,
        )
        self.tenant_requests = Counter(
            "gateway_tenant_requests", "Requests by tenant.", ("tenant", "outcome"), registry=self.registry
        )
        self.tenant_tokens = Counter(
            "gateway_tenant_tokens", "Tokens by tenant and kind.", ("tenant", "kind"), registry=self.registry
        )
        self.tenant_cost = Counter(
            "gateway_tenant_cost",
            "Cost by tenant, in the configured currency.",
            ("tenant",),
            registry=self.registry,
        )
        self.audit_lines = Counter("gateway_audit_lines", "Audit lines written.", registry=self.registry)
        self.audit_dropped = Counter(
            "gateway_audit_dropped", "Audit lines that were given up.", registry=self.registry
        )
        self.audit_failures = Counter(
            "gateway_audit_failures",
            "Failed attempts to write audit lines.",
            registry=self.registry,
        )
        self.archive_records = Counter(
            "gateway_archive_records", "Answers written to the archive.", registry=self.registry
        )
        self.archive_bytes = Counter(
            "gateway_archive_bytes", "Bytes written to the archive.", registry=self.registry
        )
        self.archive_failures = Counter(
            "gateway_archive_failures", "Failed attempts to write to the archive.", registry=self.registry
        )
        self.archive_dropped = Counter(
            "gateway_archive_dropped",
            "Answers that did not reach the archive, by why.",
            ("reason",),
            registry=self.registry,
        )
        self.archive_waiting = Gauge(
            "gateway_archive_waiting", "Answers that wait to be archived.", registry=self.registry
        )
        self.quota_alerts = Counter(
            "gateway_quota_alerts",
            "Quotas of keys that went over a percentage.",
            ("percent",),
            registry=self.registry,
        )
        self.settlements_lost = Counter(
            "gateway_settlements_lost",
            "Keys, each for a month, whose use was not charged before the gateway ended.",
            registry=self.registry,
        )
        self.charges_waiting = Gauge(
            "gateway_charges_waiting",
            "Keys, each for a month, whose use the state store has not taken yet.",
            registry=self.registry,
        )
        self.webhook_calls = Counter(
            "gateway_webhook_calls", "Calls of jobs' webhooks.", ("outcome",), registry=self.registry
        )
        self.body_bytes = Gauge(
            "gateway_body_bytes", "Bytes of the bodies of requests in progress.", registry=self.registry
        )
        self.loop_lag = Gauge(
            "gateway_event_loop_lag_seconds",
            "Longest that the event loop was late in the last seconds.",
            registry=self.registry,
        )
        self._begin_at_zero()

    def count_failure(self, code: Code) -> None:
        """Counts a request whose reply is an error, if the error is the server's own.

        For whoever sends that reply: `ErrorResponse`, and the pipeline's response.
        """
        if code.status >= 500:
            self.failures.labels(code.number).inc()

    def _begin_at_zero(self) -> None:
        """Counters that alerts look at exist before their first event: a series that appears with
        the value 1 has no rate, and the first error of a night would be missed."""
        for code in CODES:
            if code.status >= 500:
                self.failures.labels(code.number)
        for lane in LANES:
            for reason in OVERLOAD_REASONS:
                self.refused.labels(lane, reason)
            for histogram in (self.first_chunk, self.between_tokens, self.queue_wait):
                histogram.labels(lane)
            self.inflight.labels(lane)
        for outcome in ("delivered", "retrying", "failed"):
            self.webhook_calls.labels(outcome)
        for reason in ("full", "shutdown", "broken"):
            self.archive_dropped.labels(reason)
        for limit in _LIMITS:
            self.limited.labels(limit)
        for percent in (80, 100):
            self.quota_alerts.labels(str(percent))
        for instead in ("rate_in_process", "quota_closed", "keys_closed"):
            self.store_away.labels(instead)
        for result in ("memory", "store", "miss", "bypass"):
            self.cache_lookups.labels(result)
        for what in ("read", "write", "damaged", "too_large", "write_dropped"):
            self.cache_errors.labels(what)
