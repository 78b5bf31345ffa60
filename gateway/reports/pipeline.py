"""From a document to its report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.client import AsyncQwenVLClient
from gateway.client.batch import Outcome
from gateway.reports.figures import figure_of, merge
from gateway.reports.judge import judge
from gateway.reports.pages import find_regions
from gateway.reports.results import Failure, Figure, Report
from gateway.reports.rules import Rule
from gateway.reports.scans import find_on_scans

Progress = Callable[[int, int, int], None]
"""Called with how many regions are done, how many there are, and how many failed."""


async def read_report(
    path: str | Path,
    client: AsyncQwenVLClient,
    rules: Sequence[Rule] = (),
    *,
    at_once: int = 4,
    whole_scans: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Read all charts of a PDF, `at_once` at a time, and hold their numbers against rules.

    On scanned pages the model looks for charts and tables first; with `whole_scans` these pages are read
    as one chart each, for a model that cannot say where things are. What cannot be read is listed in
    `failures`. Raises `ReportError` for the document as a whole.
    """
    path = Path(path)
    pages, regions, broken = await asyncio.to_thread(find_regions, path)
    if not whole_scans and (scans := [region for region in regions if region.scan]):
        on_scans, unseen = await find_on_scans(path, scans, client, at_once)
        digital = [region for region in regions if not region.scan]
        regions = sorted([*digital, *on_scans], key=lambda region: region.page)
        broken += unseen
    figures: dict[int, Figure] = {}
    failures: dict[int, Failure] = {}
    requests = ({"images": region.png, "task": "chart_parse"} for region in regions)
    if progress:
        progress(0, len(regions), 0)
    async for outcome in client.batch(requests, at_once=at_once):
        number, region = outcome.index + 1, regions[outcome.index]
        figure = figure_of(number, region, outcome.answer) if outcome.answer else None
        if figure is None:
            failures[number] = Failure(region.page, region.box, _why(outcome))
        else:
            figures[number] = figure
        if progress:
            progress(len(figures) + len(failures), len(regions), len(failures))
    failed = [*broken, *(failures[number] for number in sorted(failures))]
    return _report(path, pages, figures, failed, rules)


def _report(
    path: Path, pages: int, figures: dict[int, Figure], failures: list[Failure], rules: Sequence[Rule]
) -> Report:
    ordered = [figures[number] for number in sorted(figures)]
    series = merge(ordered)
    return Report(str(path), pages, ordered, series, judge(series, rules), failures)


def _why(outcome: Outcome) -> str:
    if outcome.answer is None:
        return str(outcome.error)
    cut = outcome.answer.metadata.finish_reason == "length"
    return "the answer was cut off" if cut else "the answer is not a chart's data"
