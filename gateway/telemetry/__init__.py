"""What the gateway shows of itself: metrics, traces and logs."""

from gateway.telemetry.metrics import Telemetry

__all__ = ["Telemetry"]
