"""An OpenTelemetry collector that remembers what it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.servers import listening


class Collector:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""

    async def take(self, request: Request) -> Response:
        sent = ExportTraceServiceRequest.FromString(await request.body())
        self.spans += [
            span for one in sent.resource_spans for scope in one.scope_spans for span in scope.spans
        ]
        return Response(b"", media_type="application/x-protobuf")

    def named(self, name: str) -> Span:
        (span,) = (span for span in self.spans if span.name == name)
        return span


def facts(span: Span) -> dict[str, object]:
    """A span's attributes."""
    found: dict[str, object] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        value = getattr(attribute.value, kind)
        found[attribute.key] = [one.string_value for one in value.values] if kind == "array_value" else value
    return found


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """One that listens on a port of its own."""
    own = Collector()
    app = Starlette(routes=[Route("/v1/traces", own.take, methods=["POST"])])
    async with listening(app) as url:
        own.url = f"{url}/v1/traces"
        yield own
