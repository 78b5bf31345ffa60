"""The autoscaler's arithmetic, as Kubernetes documents it, and what the shipped targets do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml

from benchmarks.autoscale import HPA, Autoscaler, Metric, replay
from benchmarks.recording import one_gateway, recorded

IDLE = {"gateway_queue_depth": 0.0, "gateway_slots_in_use": 0.0, "gateway_overload_rate": 0.0}


@pytest.fixture
def spec() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(HPA.read_text())["spec"]
    return found


@pytest.mark.parametrize(
    ("metric", "value", "replicas", "wanted"),
    [
        (Metric("m", 100, average=False), 200, 1, 2),
        (Metric("m", 100, average=False), 50, 4, 2),
        (Metric("m", 100, average=False), 109, 4, 4),  # within the tolerance of a tenth
        (Metric("m", 100, average=False), 111, 4, 5),
        (Metric("m", 8, average=True), 40, 2, 5),
        (Metric("m", 8, average=True), 0, 2, 0),
    ],
)
def test_replicas_are_the_ceiling_of_current_times_value_by_target(
    metric: Metric, value: float, replicas: int, wanted: int
) -> None:
    assert metric.wants(value, replicas) == wanted


def test_the_largest_wish_counts_and_only_two_come_in_the_time_of_a_start(spec: dict[str, Any]) -> None:
    scaler = Autoscaler(spec)
    full = IDLE | {"gateway_queue_depth": 500.0}
    assert scaler.desired(full, 2, 0) == 4
    assert [scaler.desired(full, 4, now) for now in range(15, 300, 15)] == [4] * 19
    assert scaler.desired(full, 4, 300) == 8


def test_refusals_alone_scale_up_though_the_queue_is_empty(spec: dict[str, Any]) -> None:
    assert Autoscaler(spec).desired(IDLE | {"gateway_overload_rate": 3.0}, 2, 0) == 4


def test_what_was_needed_in_the_last_half_hour_stays_and_then_goes_one_by_one(spec: dict[str, Any]) -> None:
    scaler = Autoscaler(spec)
    busy = IDLE | {"gateway_slots_in_use": 0.8}
    assert scaler.desired(busy, 6, 0) == 6
    seen, replicas = [], 6
    for now in range(15, 3600, 15):
        replicas = scaler.desired(IDLE, replicas, now)
        seen.append((now, replicas))
    assert dict(seen)[1785] == 6
    assert next(now for now, number in seen if number == 5) >= 1800
    firsts = [next(now for now, number in seen if number == wanted) for wanted in (5, 4, 3, 2)]
    assert all(b - a >= 300 for a, b in itertools.pairwise(firsts))
    assert replicas == spec["minReplicas"]


def test_a_recorded_day_without_its_burst_refuses_nobody(spec: dict[str, Any]) -> None:
    recording = recorded()
    calm = [min(rate, 6 * recording.replica.per_s) for rate in recording.day(2.5)]
    minutes = replay(spec, calm, recording.replica, start_s=300)
    assert sum(minute.refused_per_s for minute in minutes) == 0
    assert max(minute.wait_s for minute in minutes) < 10


def test_the_arithmetic_sees_the_queue_that_the_real_gateway_had() -> None:
    """Both are empty, and both are full, in the same seconds, but for a few at the turns."""
    recording = recorded()
    full = recording.replica.queue / 2
    alike = [
        (seen > full) == (thought > full)
        for seen, thought in zip(recording.queue, one_gateway(recording), strict=True)
    ]
    assert sum(alike) >= 0.9 * len(alike)
