"""Figures of several processes behind one port: whoever is asked answers for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.samples import Exemplar, Sample

log = logging.getLogger("gateway")

_TIMEOUT_S = 2.0
_MOST_BYTES = 64 * 1024 * 1024
_LARGEST = frozenset(
    {
        *("gateway_event_loop_lag_seconds", "gateway_engine_kv_usage"),
        *("gateway_engine_running", "gateway_engine_waiting", "gateway_jobs", "gateway_jobs_dead"),
    }
)
"""Gauges of something that all see: whoever saw most is right. Other gauges are parts of a sum."""
_SMALLEST = frozenset({"gateway_ready", "gateway_engine_ready", "process_start_time_seconds"})
"""Gauges that are as bad as the worst of them."""

_Exemplar = tuple[dict[str, str], float, float | None]
_Told = tuple[str, str, str, str, list[tuple[str, dict[str, str], float, _Exemplar | None]]]
"""Of one metric its name, type, help and unit, and its samples."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Told]).decode


class Siblings:
    """One process among `count`. It tells the others its figures over a socket in `folder`."""

    def __init__(self, folder: Path, index: int, count: int, registry: CollectorRegistry) -> None:
        self._paths = [folder / f"{number}.sock" for number in range(count)]
        self._index = index
        self._registry = registry
        self._server: asyncio.AbstractServer | None = None

    async def start(self) -> None:
        own = self._paths[self._index]
        own.unlink(missing_ok=True)  # of a process before it that was killed
        self._server = await asyncio.start_unix_server(self._tell, own)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()

    async def all(self) -> Figures:
        """The figures of all that answer, as one registry."""
        others = [path for number, path in enumerate(self._paths) if number != self._index]
        told = await asyncio.gather(*map(self._ask, others))
        return Figures([_decode(_encode(_figures(self._registry))), *filter(None, told)])

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(_encode(_figures(self._registry)))
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def _ask(self, path: Path) -> list[_Told] | None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(path, limit=_MOST_BYTES)
                try:
                    return _decode(await reader.read())
                finally:
                    writer.close()
        except (OSError, TimeoutError, msgspec.DecodeError) as error:
            log.debug("a worker does not tell its figures: %s", type(error).__name__)
            return None


class Figures:
    """Looks like a registry to whoever writes it down."""

    def __init__(self, told: list[list[_Told]]) -> None:
        self._metrics: dict[str, Metric] = {}
        samples: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], Sample]] = {}
        for figures in told:
            for name, kind, help_text, unit, own in figures:
                self._metrics.setdefault(name, Metric(name, help_text, kind, unit))
                known = samples.setdefault(name, {})
                for sample, labels, value, exemplar in own:
                    key = (sample, tuple(sorted(labels.items())))
                    new = Sample(sample, labels, value, None, exemplar and Exemplar(*exemplar))
                    known[key] = _joined(kind, known[key], new) if key in known else new
        for name, metric in self._metrics.items():
            metric.samples = list(samples[name].values())

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics.values())


def _joined(kind: str, one: Sample, other: Sample) -> Sample:
    return one._replace(
        value=_value(kind, one.name, one.value, other.value), exemplar=_latest(one.exemplar, other.exemplar)
    )


def _value(kind: str, name: str, one: float, other: float) -> float:
    if name in _SMALLEST or name.endswith("_created"):
        return min(one, other)
    if name in _LARGEST or kind == "info" or (kind == "gauge" and name.startswith(("vllm:", "python_"))):
        return max(one, other)
    return one + other


def _latest(one: Exemplar | None, other: Exemplar | None) -> Exemplar | None:
    known = [exemplar for exemplar in (one, other) if exemplar is not None]
    return max(known, key=lambda exemplar: float(exemplar.timestamp or 0), default=None)


def _figures(registry: CollectorRegistry) -> list[_Told]:
    return [
        (
            metric.name,
            metric.type,
            metric.documentation,
            metric.unit,
            [(s.name, dict(s.labels), float(s.value), _written(s.exemplar)) for s in metric.samples],
        )
        for metric in registry.collect()
    ]


def _written(exemplar: Exemplar | None) -> _Exemplar | None:
    if exemplar is None:
        return None
    time = None if exemplar.timestamp is None else float(exemplar.timestamp)
    return dict(exemplar.labels), float(exemplar.value), time
