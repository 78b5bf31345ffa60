"""The settings of tracing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.settings.section import Section


class TelemetrySettings(Section):
    otlp_endpoint: str | None = Field(
        default=None,
        description="Where an OpenTelemetry collector takes spans, such as "
        "`http://collector:4318/v1/traces`, or `http://collector:4317` for `grpc`; empty: no tracing. "
        "Embedded engines send theirs there too.",
    )
    otlp_protocol: Literal["http/protobuf", "grpc"] = Field(
        default="http/protobuf", description="How the collector is spoken to."
    )
    service_name: str = Field(
        default="qwen-vl-gateway", min_length=1, description="The gateway's name in traces."
    )
    sample_ratio: float = Field(
        default=1, ge=0, le=1, description="Share of requests traced where the caller has not decided."
    )
