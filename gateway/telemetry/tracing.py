"""Spans of a request's way through the gateway: what stages ask for, and nothing where tracing is off."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from starlette.types import Scope

from gateway.telemetry.context import current

Attribute = str | int | float | bool | tuple[str, ...]
Attributes = Mapping[str, Attribute | None]
Headers = dict[str, str]


class Span:
    """One piece of work; this one is measured by nobody."""

    def set(self, attributes: Attributes) -> None:
        """Say more about the work. `None` says nothing."""

    def event(self, name: str) -> None:
        """Something happened now."""

    def failed(self, what: str) -> None:
        """The work ended badly; `what` is a word, never a client's text."""

    def headers(self) -> Headers | None:
        """What tells another server that its work belongs to this span: the caller's own words."""
        context = current.get()
        return context.trace_headers if context else None


_NO_SPAN = Span()


class Tracing:
    """Makes spans. This one is off; `gateway/telemetry/otlp.py` has the one that is on."""

    enabled = False

    def request(self, scope: Scope) -> AbstractContextManager[Span]:
        """The span of a whole request, in the trace that its caller names or a new one. Spans that are
        begun inside are below it."""
        return nullcontext(_NO_SPAN)

    def span(self, name: str) -> AbstractContextManager[Span]:
        """A part of the current request. Not to be held over a `yield`."""
        return nullcontext(_NO_SPAN)

    def generation(self, model: str) -> AbstractContextManager[Span]:
        """An engine's work on the current request. May be held over a `yield`."""
        return nullcontext(_NO_SPAN)

    def here(self) -> Span:
        """The current request's own span."""
        return _NO_SPAN

    def exemplar(self) -> Headers | None:
        """Leads from a metric to the current request's trace; `None` where nobody records it."""
        return None

    def close(self) -> None:
        """Send what waits, within a few seconds. Blocks: call it in a thread."""


OFF = Tracing()
