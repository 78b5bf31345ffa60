"""Rules: what they hold for, and how mistakes in them are told."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.client import Answer
from gateway.reports import Figure, ReportError, Series, load_rules
from gateway.reports.figures import figure_of, merge
from gateway.reports.judge import judge
from gateway.reports.results import Region
from gateway.reports.rules import parse_rules
from tests.servers import ROOT

Values = dict[str, float | None]


def figure(values: Values, *, page: int = 1, name: str | None = None, **more: Any) -> Figure:
    points = [{"label": label, "value": value} for label, value in values.items()]
    data = {"type": "bar", "title": more.get("title"), "series": [{"name": name, "points": points}]}
    region = Region(page, (0, 0, 100, 100), more.get("caption", "Sales"), b"")
    found = figure_of(page, region, Answer(answer="", data=data, confidence=more.get("confidence", 0.9)))
    assert found
    return found


def flags(rule: str, *series: Series) -> list[tuple[str, list[str]]]:
    rules = parse_rules(f"rules: [{{flag: watch, {rule}}}]", "rules.yaml")
    return [(flag.flag, flag.labels) for flag in judge(series, rules)]


def sales(*values: float | None) -> Series:
    (series,) = merge([figure({str(2020 + index): value for index, value in enumerate(values)})])
    return series


def test_growth_that_falls_by_more_than_three_points_two_years_running() -> None:
    rule = "of: growth, falls_by: 3, running: 2"
    assert flags(rule, sales(100, 120, 138, 151)) == [("watch", ["2020", "2021", "2022", "2023"])]
    assert flags(rule, sales(100, 120, 138, 157)) == []  # by 5 and then by 1.2 points
    assert flags(rule, sales(100, 120, None, 138, 151)) == []
    assert flags(rule, sales(0, 120, 138)) == []


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        ("below: 15", [["2020"], ["2022", "2023"]]),
        ("below: 15, running: 2", [["2022", "2023"]]),
        ("above: 19.9", [["2021"]]),
        ("above: 20", []),
        ("falls_by: 10", []),
        ("falls_by: 9.9", [["2021", "2022"]]),
        ("rises_by: 9", [["2020", "2021"]]),
        ("of: growth, below: -45", [["2021", "2022", "2023"]]),
        ("missing: true", []),
        ("missing: ['2020', '2024']", [["2024"]]),
    ],
)
def test_each_check(rule: str, labels: list[list[str]]) -> None:
    assert [found for _, found in flags(rule, sales(10, 20, 10, 5))] == labels


def test_what_is_missing() -> None:
    assert flags("missing: true", sales(1, None)) == [("watch", ["2021"])]
    assert flags("series: '*debt*', missing: ['2020']", sales(1)) == [("watch", ["2020"])]


def test_a_rule_is_for_the_series_that_match_whatever_their_capitals() -> None:
    found = merge([figure({"A": 1}, name="North"), figure({"A": 1}, name="South")])
    assert [series.full_name for series in found] == ["Sales: North", "Sales: South"]
    assert len(flags("series: 'sales: n*', below: 2", *found)) == 1
    assert len(flags("below: 2", *found)) == 2


def test_series_of_one_title_are_merged_over_pages_and_conflicts_kept() -> None:
    (series,) = merge(
        [
            figure({"A": 1, "B": 2, "C": None}, confidence=0.5),
            figure({"B": 3, "C": 4, "D": 5}, page=7, caption="SALES", confidence=0.8),
            figure({"A": 1, "D": None}, page=9, caption="Sales "),
        ]
    )
    assert [(p.label, p.value, p.page) for p in series.points] == [
        ("A", 1, 1), ("B", 3, 7), ("C", 4, 7), ("D", 5, 7)
    ]  # fmt: skip
    assert [(p.label, p.value, p.page) for p in series.conflicts] == [("B", 2, 1)]


def test_the_charts_own_title_wins_over_the_caption_and_a_place_stands_in_for_both() -> None:
    assert figure({}, title="Own").title == "Own"
    assert figure({}, caption="", page=3).title == "Page 3, figure 3"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: The file must have a list `rules`"),
        ("rules: 7", "line 1: The file must have a list `rules`"),
        ("rules:\n  - flag: a\n    below: 1\n    bellow: 2", "line 4: `bellow` is not known"),
        ("rules:\n  - flag: a\n    below: 1\n    below: 2", "line 4: `below` is there twice"),
        ("rules:\n  - flag: a\n    below: 1\n  - flag: b", "line 4: A rule must have exactly one of below"),
        ("rules:\n  - flag: a\n    below: 1\n    above: 1", "line 2: A rule must have exactly one of"),
        ("rules:\n  - below: 1", "line 2: A rule must have a flag"),
        ("rules:\n  - just words", "line 2: A rule must be a mapping"),
        ("rules:\n  - flag: a\n    below: low", "line 3: `below` must be a number"),
        ("rules:\n  - flag: a\n    above: .nan", "line 3: `above` must be a number"),
        ("rules:\n  - flag: a\n    falls_by: -3", "line 3: `falls_by` must be a number from 0 up"),
        ("rules:\n  - flag: a\n    below: 1\n    running: 0", "line 4: `running` must be a whole number"),
        ("rules:\n  - flag: a\n    below: 1\n    of: speed", "line 4: `of` must be value or growth"),
        ("rules:\n  - flag: 7\n    below: 1", "line 2: `flag` must be text"),
        ("rules:\n  - flag: a\n    missing: no", "line 3: `missing` must be true or a list"),
        ("rules:\n  - flag: a\n    missing: true\n    running: 2", "line 4: `running` says nothing"),
        ("rules:\n  - flag: [a", "line 2: "),
        ("rules:\n  - flag: !!python/name:os.system a\n    below: 1", "line 2: "),
        ("rules:\n  - flag: a\n    below: 2024-13-45", "line 3: `below` cannot be read"),
        ("rules:\n  - {[a]: b}", "line 2: "),
        ("\x00", "is not YAML"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, told: str) -> None:
    with pytest.raises(ReportError) as caught:
        parse_rules(text, "rules.yaml")
    assert str(caught.value).startswith("rules.yaml: ")
    assert told in str(caught.value)


def test_the_example_rules_are_sound() -> None:
    assert [rule.flag for rule in load_rules(ROOT / "examples/annual-rules.yaml")] == [
        "watch", "watch", "alert", "alert", "incomplete"
    ]  # fmt: skip
