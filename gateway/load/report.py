"""From samples to the figures that are compared."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.load.driver import Sample


class Figures(msgspec.Struct, frozen=True):
    """One run. Times in milliseconds, of the requests that were answered."""

    requests: int
    failed: int
    seconds: float
    requests_per_s: float
    tokens_per_s: float
    ttft_p50: float
    ttft_p99: float
    gap_p50: float
    gap_p99: float
    total_p50: float
    total_p99: float
    hits: int = 0
    degraded: int = 0


def figures(samples: Sequence[Sample], seconds: float) -> Figures:
    good = [sample for sample in samples if not sample.failed]
    ttft, gap, total = ([getattr(s, name) * 1000 for s in good] for name in ("ttft", "gap", "total"))
    gap = [value for value in gap if value]
    return Figures(
        requests=len(samples),
        failed=len(samples) - len(good),
        seconds=round(seconds, 3),
        requests_per_s=round(len(good) / seconds, 2) if seconds else 0.0,
        tokens_per_s=round(sum(sample.tokens for sample in good) / seconds, 1) if seconds else 0.0,
        ttft_p50=percentile(ttft, 0.5),
        ttft_p99=percentile(ttft, 0.99),
        gap_p50=percentile(gap, 0.5),
        gap_p99=percentile(gap, 0.99),
        total_p50=percentile(total, 0.5),
        total_p99=percentile(total, 0.99),
        hits=sum(sample.cache == "hit" for sample in good),
        degraded=sum(sample.degraded for sample in good),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile, to a microsecond; 0 where there are no values."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else 0.0
