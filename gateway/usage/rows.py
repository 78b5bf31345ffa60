"""What is counted, and by what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

FIELDS = (
    "requests",
    "errors",
    "hits",
    "degraded",
    "input_tokens",
    "output_tokens",
    "image_tokens",
    "cached_tokens",
    "cost",
    "ms",
)
"""What is summed; `cost` in billionths of the currency's unit, `ms` of all requests together."""
DIMENSIONS = ("day", "key", "tenant", "model", "task")


class Row(msgspec.Struct, frozen=True):
    """What the sums belong to."""

    day: str
    """UTC, as `2026-11-21`."""
    key: str
    tenant: str
    model: str
    task: str


Sums = list[int]
"""In the order of `FIELDS`."""
Table = dict[Row, Sums]


def add(table: Table, row: Row, sums: Iterable[int]) -> None:
    before = table.get(row)
    table[row] = list(sums) if before is None else [a + b for a, b in zip(before, sums, strict=True)]


def grouped(table: Table, by: tuple[str, ...], currency: str) -> list[dict[str, Any]]:
    """Sums for each combination of the dimensions `by`, in their order; all together for none."""
    groups: dict[tuple[str, ...], Sums] = {}
    for row, sums in table.items():
        group = tuple(getattr(row, dimension) for dimension in by)
        before = groups.get(group, [0] * len(FIELDS))
        groups[group] = [a + b for a, b in zip(before, sums, strict=True)]
    return [
        dict(zip(by, group, strict=True)) | _shown(dict(zip(FIELDS, sums, strict=True)), currency)
        for group, sums in sorted(groups.items())
    ]


def _shown(sums: dict[str, Any], currency: str) -> dict[str, Any]:
    """As people read it: cost in the currency's unit, and the mean time of a request."""
    ms = sums.pop("ms")
    cost = round(sums.pop("cost") / 1e9, 9)
    return sums | {
        "cost": cost,
        "currency": currency,
        "mean_ms": round(ms / sums["requests"]) if sums["requests"] else 0,
    }
