"""Spans for an OpenTelemetry collector. Imported only where one is configured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from gateway import __version__
from gateway.settings.telemetry import TelemetrySettings
from gateway.telemetry.context import current
from gateway.telemetry.tracing import Attributes, Headers, Span, Tracing

_PROPAGATOR = TraceContextTextMapPropagator()
_CLOSE_MS = 3000


class OtlpSpan(Span):
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def event(self, name: str) -> None:
        self._span.add_event(name)

    def failed(self, what: str) -> None:
        self._span.set_attribute("error.type", what)
        self._span.set_status(StatusCode.ERROR)

    def headers(self) -> Headers | None:
        carrier: Headers = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(self._span))
        return carrier


class OtlpTracing(Tracing):
    """Spans are sent in batches beside the requests; a collector that is away costs none of them."""

    enabled = True

    def __init__(self, settings: TelemetrySettings) -> None:
        self._provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(settings.sample_ratio),
            resource=Resource.create({"service.name": settings.service_name, "service.version": __version__}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(settings)))
        self._tracer = self._provider.get_tracer("gateway", __version__)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Span]:
        context = current.get()
        parent = _PROPAGATOR.extract(context.trace_headers or {}, Context()) if context else Context()
        attributes = {"http.request.method": scope["method"], "url.path": scope["path"]}
        with self._tracer.start_as_current_span(
            f"{scope['method']} request",
            parent,
            SpanKind.SERVER,
            attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            token = None
            if context is not None:
                trace_id = format_trace_id(span.get_span_context().trace_id)
                token = current.set(msgspec.structs.replace(context, trace_id=trace_id))
            try:
                yield OtlpSpan(span)
            finally:
                if token is not None:
                    current.reset(token)
                if route := getattr(scope.get("route"), "path", None):
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)

    @contextmanager
    def span(self, name: str) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield OtlpSpan(span)
            except Exception as error:
                OtlpSpan(span).failed(type(error).__name__)
                raise

    @contextmanager
    def generation(self, model: str) -> Iterator[Span]:
        """Not made the current one: a generator may be closed by another task than the one that began it."""
        span = OtlpSpan(raw := self._tracer.start_span(f"chat {model}", kind=SpanKind.CLIENT))
        try:
            yield span
        except Exception as error:
            span.failed(type(error).__name__)
            raise
        except BaseException:
            span.failed("cancelled")
            raise
        finally:
            raw.end()

    def here(self) -> Span:
        return OtlpSpan(trace.get_current_span())

    def exemplar(self) -> Headers | None:
        context = trace.get_current_span().get_span_context()
        return {"trace_id": format_trace_id(context.trace_id)} if context.trace_flags.sampled else None

    def close(self) -> None:
        self._provider.force_flush(_CLOSE_MS)
        self._provider.shutdown()


def _exporter(settings: TelemetrySettings) -> SpanExporter:
    assert settings.otlp_endpoint is not None
    if settings.otlp_protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        insecure = not settings.otlp_endpoint.startswith("https:")
        return Grpc(endpoint=settings.otlp_endpoint, insecure=insecure)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as Http

    return Http(endpoint=settings.otlp_endpoint)
