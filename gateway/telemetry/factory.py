"""Configuration to tracing."""

from __future__ import annotations

import os

from gateway.settings.telemetry import TelemetrySettings
from gateway.telemetry.tracing import OFF, Tracing

_PROTOCOL_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"


def build_tracing(settings: TelemetrySettings) -> Tracing:
    """Raises `ImportError` with the cure where OpenTelemetry is needed and not installed."""
    if settings.otlp_endpoint is None:
        return OFF
    os.environ.setdefault(_PROTOCOL_VARIABLE, settings.otlp_protocol)  # vLLM's own exporter reads it
    try:
        from gateway.telemetry.otlp import OtlpTracing
    except ImportError as error:
        raise ImportError("Tracing needs OpenTelemetry: pip install 'qwen-vl-gateway[tracing]'.") from error
    return OtlpTracing(settings)
