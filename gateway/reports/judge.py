"""Holds series against rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise

import msgspec

from gateway.reports.results import Flag, Point, Series
from gateway.reports.rules import Rule


class _Step(msgspec.Struct, frozen=True):
    """One number that a rule looks at, and the points that it comes from."""

    number: float | None
    points: tuple[Point, ...]


def judge(series: Sequence[Series], rules: Sequence[Rule]) -> list[Flag]:
    """The rules that hold, in their order; one flag for each run of points."""
    return [flag for rule in rules for flag in _of_rule(series, rule)]


def _of_rule(series: Sequence[Series], rule: Rule) -> Iterator[Flag]:
    matching = [one for one in series if fnmatchcase(one.full_name.casefold(), rule.series.casefold())]
    if rule.missing is None:
        for one in matching:
            yield from _runs(one, rule)
        return
    if not matching:
        yield Flag(rule.flag, rule.name, rule.series, list(rule.missing), [], "no such series was read")
    for one in matching:
        yield from _missing(one, rule)


def _missing(series: Series, rule: Rule) -> Iterator[Flag]:
    there = {point.label: point.value for point in series.points}
    labels = [label for label in rule.missing or there if there.get(label) is None]
    if labels:
        why = f"no value for {', '.join(labels)}"
        yield Flag(rule.flag, rule.name, series.full_name, labels, _pages(series.points), why)


def _runs(series: Series, rule: Rule) -> Iterator[Flag]:
    run: list[_Step] = []
    for step in [*_steps(series, rule), _Step(None, ())]:
        if step.number is not None and _holds(step.number, rule):
            run.append(step)
            continue
        if len(run) >= rule.running:
            yield _flag(series, rule, run)
        run = []


def _steps(series: Series, rule: Rule) -> list[_Step]:
    steps = [_Step(point.value, (point,)) for point in series.points]
    if rule.of == "growth":
        steps = [_between(one, other, _growth(one, other)) for one, other in pairwise(steps)]
    if rule.falls_by is not None or rule.rises_by is not None:
        steps = [_between(one, other, _difference(one, other)) for one, other in pairwise(steps)]
    return steps


def _between(one: _Step, other: _Step, number: float | None) -> _Step:
    points = one.points + tuple(point for point in other.points if point not in one.points)
    return _Step(number, points)


def _growth(one: _Step, other: _Step) -> float | None:
    """In percent; there is none over zero or a missing value."""
    if not one.number or other.number is None:
        return None
    return (other.number - one.number) / abs(one.number) * 100


def _difference(one: _Step, other: _Step) -> float | None:
    return None if one.number is None or other.number is None else other.number - one.number


def _holds(number: float, rule: Rule) -> bool:
    number = round(number, 9)  # 0.3 - 0.2 is not more than 0.1
    if rule.below is not None:
        return number < rule.below
    if rule.above is not None:
        return number > rule.above
    if rule.falls_by is not None:
        return -number > rule.falls_by
    return rule.rises_by is not None and number > rule.rises_by


def _flag(series: Series, rule: Rule, run: list[_Step]) -> Flag:
    points: list[Point] = []
    for step in run:
        points += [point for point in step.points if point not in points]
    labels = [point.label for point in points]
    numbers = ", ".join(f"{step.number:.4g}" for step in run if step.number is not None)
    return Flag(rule.flag, rule.name, series.full_name, labels, _pages(points), f"{_said(rule)}: {numbers}")


def _said(rule: Rule) -> str:
    """The rule in words, for the numbers that follow it."""
    if rule.below is not None or rule.above is not None:
        word, limit = ("below", rule.below) if rule.below is not None else ("above", rule.above)
        return f"{rule.of} {word} {limit:g}"
    word, limit = ("falls", rule.falls_by) if rule.falls_by is not None else ("rises", rule.rises_by)
    return f"{rule.of} {word} by more than {limit:g}"


def _pages(points: Sequence[Point]) -> list[int]:
    return sorted({point.page for point in points})
