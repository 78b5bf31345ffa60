"""`qwen-vl report`: the charts of a document as numbers, held against rules."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.client import AsyncQwenVLClient
from gateway.commands.ask import BaseUrl, Key
from gateway.reports import Report, ReportError, Rule, load_rules, read_report, write
from gateway.reports.output import check

_FAILED, _NOT_BEGUN, _INTERRUPTED = 1, 2, 130
_TRIES = 20
_TIMEOUT_S = 300.0
_SHOWN = 20


def report(
    document: Annotated[Path, typer.Argument(help="A PDF.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Output: .json, .csv or .sqlite.")],
    rules: Annotated[Path | None, typer.Option(help="Rules as YAML; see docs/reports.md.")] = None,
    at_once: Annotated[int, typer.Option(help="Charts at a time.", min=1, max=1024)] = 4,
    whole_scans: Annotated[
        bool,
        typer.Option(
            "--whole-scans", help="Read a scanned page as one chart, without looking for charts on it."
        ),
    ] = False,
    model: Annotated[str | None, typer.Option(help="A served model's name.")] = None,
    base_url: BaseUrl = None,
    key: Key = None,
) -> None:
    """Read the charts of a PDF report into numbers, and flag what rules say."""
    try:
        check(out)
        held = load_rules(rules) if rules else []
        client = AsyncQwenVLClient(base_url, key, model=model, tries=_TRIES, timeout=_TIMEOUT_S, lane="batch")
        found = asyncio.run(_read(document, client, held, at_once, whole_scans))
        write(found, out)
    except ReportError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_NOT_BEGUN) from None
    except KeyboardInterrupt:
        typer.echo("Interrupted; nothing was written.", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    _tell(found, out)


async def _read(
    document: Path, client: AsyncQwenVLClient, rules: list[Rule], at_once: int, whole_scans: bool
) -> Report:
    with _bar() as bar:
        shown = bar.add_task("charts", total=None, told="")

        def progress(done: int, total: int, failed: int) -> None:
            bar.update(shown, completed=done, total=total, told=f"{failed} failed" if failed else "")

        async with client:
            return await read_report(
                document, client, rules, at_once=at_once, whole_scans=whole_scans, progress=progress
            )


def _tell(found: Report, out: Path) -> None:
    """What came of it, on standard error; and the exit status that follows."""
    points = sum(len(series.points) for series in found.series)
    read = f"{len(found.figures)} charts, {len(found.series)} series, {points} values"
    typer.echo(f"{found.pages} pages, {read}: {out}", err=True)
    for flag in found.flags:
        pages = f" (page {', '.join(map(str, flag.pages))})" if flag.pages else ""
        typer.echo(f"  {flag.flag}: {flag.series}{pages}: {flag.why}", err=True)
    for failure in found.failures[:_SHOWN]:
        typer.echo(f"  failed: page {failure.page}: {failure.why}", err=True)
    if more := len(found.failures[_SHOWN:]):
        typer.echo(f"  … and {more} more", err=True)
    if found.failures:
        raise typer.Exit(_FAILED)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
        console=Console(stderr=True),
    )
