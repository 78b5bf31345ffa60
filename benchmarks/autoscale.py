"""What the autoscaler of `deploy/k8s` would do over a day: its own arithmetic, replayed over a load.

    python -m benchmarks.autoscale [--times 1.5] [--start 300]

The load is the one that `benchmarks.record_load` recorded from a real gateway: a working day in a quarter
of an hour, of which each second stands for so many here; `--times` says how many of it come together. A
replica serves, and lets wait, what that gateway did. Targets, windows and policies are read from
`deploy/k8s/components/hpa/autoscaling.yaml`. Writes `benchmarks/results/autoscale.{json,png}`, and beside
it `autoscale-recorded.png`: the recording, and the same second by second by this arithmetic.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks.recording import Replica, plot_recording, recorded

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
HPA = ROOT / "deploy/k8s/components/hpa/autoscaling.yaml"
SYNC_S = 15
"""How often the controller looks, Kubernetes' default."""
TOLERANCE = 0.1
"""Deviation from the target at which it does nothing, Kubernetes' default."""


class Metric(msgspec.Struct, frozen=True):
    name: str
    target: float
    average: bool
    """Whether the target holds for each replica (AverageValue) or for all (Value)."""

    def wants(self, value: float, replicas: int) -> int:
        """Replicas by Kubernetes' formula: ceil(current × value ÷ target), within the tolerance as before."""
        per_replica = value / max(1, replicas) if self.average else value
        ratio = per_replica / self.target
        return replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(replicas * ratio)


class Direction(msgspec.Struct, frozen=True):
    window_s: int
    policies: tuple[tuple[str, int, int], ...]
    """Kind (`Pods`, `Percent`), value, and period in seconds."""

    def most(self, replicas: int, changed: deque[tuple[int, int]], now: int) -> int:
        """How many replicas may come (or go) now, after the changes so far; the largest limit counts."""
        allowed = 0
        for kind, value, period in self.policies:
            done = sum(number for at, number in changed if at > now - period)
            before = replicas - done
            limit = value if kind == "Pods" else math.ceil(before * value / 100)
            allowed = max(allowed, limit - abs(done))
        return max(0, allowed)


class Autoscaler:
    """One HorizontalPodAutoscaler, autoscaling/v2."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.least, self.greatest = spec["minReplicas"], spec["maxReplicas"]
        self.metrics = [_metric(one["external"]) for one in spec["metrics"]]
        self._up, self._down = (_direction(spec["behavior"][name]) for name in ("scaleUp", "scaleDown"))
        self._wanted: deque[tuple[int, int]] = deque()
        self._added: deque[tuple[int, int]] = deque()
        self._removed: deque[tuple[int, int]] = deque()

    def desired(self, values: dict[str, float], replicas: int, now: int) -> int:
        """How many replicas there should be, `now` in seconds."""
        wanted = max(metric.wants(values[metric.name], replicas) for metric in self.metrics)
        self._wanted.append((now, wanted))
        wanted = self._stabilised(wanted, replicas, now)
        if wanted > replicas:
            wanted = min(wanted, replicas + self._up.most(replicas, self._added, now))
        elif wanted < replicas:
            wanted = max(wanted, replicas - self._down.most(replicas, self._removed, now))
        wanted = min(max(wanted, self.least), self.greatest)
        if wanted > replicas:
            self._added.append((now, wanted - replicas))
        elif wanted < replicas:
            self._removed.append((now, wanted - replicas))
        return wanted

    def _stabilised(self, wanted: int, replicas: int, now: int) -> int:
        """The least that was wanted in the window for going up, the most for going down."""
        while self._wanted and self._wanted[0][0] <= now - max(self._up.window_s, self._down.window_s):
            self._wanted.popleft()
        up = min((n for at, n in self._wanted if at > now - self._up.window_s), default=wanted)
        down = max((n for at, n in self._wanted if at > now - self._down.window_s), default=wanted)
        return min(up, wanted) if wanted > replicas else max(down, wanted) if wanted < replicas else wanted


def _metric(external: dict[str, Any]) -> Metric:
    target = external["target"]
    average = target["type"] == "AverageValue"
    return Metric(
        external["metric"]["name"], _quantity(target["averageValue" if average else "value"]), average
    )


def _quantity(text: str) -> float:
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _direction(spec: dict[str, Any]) -> Direction:
    policies = tuple((p["type"], p["value"], p["periodSeconds"]) for p in spec["policies"])
    return Direction(spec["stabilizationWindowSeconds"], policies)


class Minute(msgspec.Struct):
    """What a minute was like, at its end or in the mean."""

    offered_per_s: float = 0
    queue: float = 0
    ready: int = 0
    replicas: int = 0
    wait_s: float = 0
    refused_per_s: float = 0


def replay(spec: dict[str, Any], arrivals: list[float], replica: Replica, start_s: int) -> list[Minute]:
    """Second by second: what comes is served, waits, or is refused; every 15 s the autoscaler looks."""
    rng = random.Random(1)
    scaler = Autoscaler(spec)
    replicas = ready = scaler.least
    coming: deque[tuple[int, int]] = deque()
    queue = 0.0
    refusals: deque[float] = deque(maxlen=60)
    minutes: list[Minute] = []
    for now, rate in enumerate(arrivals):
        while coming and coming[0][0] <= now:
            ready += coming.popleft()[1]
        came = max(0.0, rng.gauss(rate, math.sqrt(rate)))
        capacity = ready * replica.per_s
        served = min(queue + came, capacity)
        queue += came - served
        refused = max(0.0, queue - replica.queue * ready)
        queue -= refused
        refusals.append(refused)
        if now % SYNC_S == 0:
            in_use = min(1.0, served / capacity)
            values = {
                "gateway_queue_depth": queue,
                "gateway_slots_in_use": in_use,
                "gateway_overload_rate": sum(refusals) / 60,
            }
            wanted = scaler.desired(values, replicas, now)
            if wanted > replicas:
                coming.append((now + start_s, wanted - replicas))
            while wanted < replicas:
                replicas -= 1
                if coming:
                    at, number = coming.pop()
                    coming.extend([(at, number - 1)] if number > 1 else [])
                else:
                    ready -= 1
            replicas = wanted
        if now % 60 == 0:
            minutes.append(Minute(replicas=replicas, ready=ready))
        last = minutes[-1]
        last.offered_per_s += rate / 60
        last.queue = max(last.queue, queue)
        last.wait_s = max(last.wait_s, queue / capacity)
        last.refused_per_s += refused / 60
    return minutes


def summary(minutes: list[Minute]) -> dict[str, float]:
    offered = sum(minute.offered_per_s for minute in minutes) * 60
    refused = sum(minute.refused_per_s for minute in minutes) * 60
    waits = sorted(minute.wait_s for minute in minutes)
    changes = sum(a.replicas != b.replicas for a, b in itertools.pairwise(minutes))
    return {
        "requests": round(offered),
        "refused_share": round(refused / offered, 5),
        "wait_p50_s": round(waits[len(waits) // 2], 2),
        "wait_p99_s": round(waits[int(len(waits) * 0.99)], 2),
        "replica_hours": round(sum(minute.replicas for minute in minutes) / 60, 1),
        "most_replicas": max(minute.replicas for minute in minutes),
        "changes": changes,
    }


def plot(minutes: list[Minute], least: int, file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    hours = [4 + number / 60 for number in range(len(minutes))]
    figure, axes = plt.subplots(4, 1, figsize=(10, 9), sharex=True, layout="constrained")
    axes[0].plot(hours, [minute.offered_per_s for minute in minutes], color="tab:blue")
    axes[0].plot(hours, [minute.refused_per_s for minute in minutes], color="tab:red", label="refused")
    axes[0].set_ylabel("requests / s")
    axes[0].legend()
    axes[1].plot(hours, [minute.queue for minute in minutes])
    axes[1].set_ylabel("queue depth")
    axes[2].step(hours, [minute.replicas for minute in minutes], label="wanted")
    axes[2].step(hours, [minute.ready for minute in minutes], label="ready", linestyle="--")
    axes[2].set_ylabel("replicas")
    axes[2].set_ylim(0)
    axes[2].legend()
    axes[3].plot(hours, [minute.wait_s for minute in minutes])
    axes[3].set_ylabel("longest wait, s")
    axes[3].set_xlabel("hour of the day")
    axes[3].set_xlim(4, 24)
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--times", type=float, default=1.5, help="how many of the recorded load come together"
    )
    parser.add_argument("--start", type=int, default=300, help="seconds until a new replica is ready")
    arguments = parser.parse_args()
    recording = recorded()
    replica = recording.replica
    spec = yaml.safe_load(HPA.read_text())["spec"]
    minutes = replay(spec, recording.day(arguments.times), replica, arguments.start)
    result = {
        "recorded_s": len(recording.came),
        "replica_per_s": round(replica.per_s, 1),
        "start_s": arguments.start,
        **summary(minutes),
    }
    (RESULTS / "autoscale.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(minutes, spec["minReplicas"], RESULTS / "autoscale.png")
    plot_recording(recording, RESULTS / "autoscale-recorded.png")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
