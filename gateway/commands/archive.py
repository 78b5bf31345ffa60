"""`qwen-vl archive`: look at what is archived, review it, make a training set of it, delete it."""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from gateway.commands.store import ConfigOption, fail, settings_of
from gateway.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gateway.archive.base import Store
    from gateway.archive.review import Case, Reviewing, Wanted

app = typer.Typer(
    help="Look at archived questions and answers, review them, export them, delete them.",
    no_args_is_help=True,
)

T = TypeVar("T")

_HEAD: tuple[str, ...] = ("id", "time", "tenant", "task", "confidence", "times", "review", "answer")


class Marked(StrEnum):
    right = "right"
    corrected = "corrected"
    wrong = "wrong"


class Review(StrEnum):
    none = "none"
    right = "right"
    corrected = "corrected"
    wrong = "wrong"


class Layout(StrEnum):
    swift = "swift"
    llama_factory = "llama-factory"
    openai = "openai"


Task = Annotated[list[str] | None, typer.Option(help="Only of this task, or chat; once for each.")]
Tenant = Annotated[str, typer.Option(help="Only of this tenant.")]
Since = Annotated[str, typer.Option(help="From this day on, as 2026-11-28.")]
Until = Annotated[str, typer.Option(help="Up to this day.")]
Below = Annotated[float | None, typer.Option(help="Only of a confidence below this.", min=0, max=1)]
Id = Annotated[str, typer.Option("--id", help="A result's id, or that of a request.")]


@app.command("list")
def list_results(
    task: Task = None,
    tenant: Tenant = "",
    since: Since = "",
    until: Until = "",
    below: Below = None,
    marked: Annotated[list[Review] | None, typer.Option(help="Only those reviewed so.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest.")] = 50,
    config: ConfigOption = None,
) -> None:
    """List results, the latest first."""
    wanted = _wanted(task, tenant, since, until, below, marked or ())
    cases = _work(config, lambda store: _reviewing(store).cases(wanted))
    rows = [_HEAD, *map(_row, cases[:limit])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    if len(cases) > limit:
        typer.echo(f"{len(cases) - limit} more: --limit", err=True)


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="A result's id, or that of a request.")],
    config: ConfigOption = None,
) -> None:
    """Print all that is kept of a result as JSON."""
    from gateway.archive.review import Wanted

    cases = _work(config, lambda store: _reviewing(store).cases(Wanted(id=id)))
    for case in cases or _none(id):
        known = {"record": case.record, "result": case.result, "review": case.review}
        typer.echo(json.dumps(msgspec.to_builtins(known), ensure_ascii=False, indent=2))


@app.command()
def review(
    id: Id = "",
    mark: Annotated[Marked | None, typer.Option(help="What it is, without asking; with --id.")] = None,
    answer: Annotated[str | None, typer.Option(help="What would be right; with --mark corrected.")] = None,
    note: Annotated[str, typer.Option(help="A note to it.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Those reviewed already, too.")] = False,
    task: Task = None,
    tenant: Tenant = "",
    since: Since = "",
    until: Until = "",
    below: Below = None,
    config: ConfigOption = None,
) -> None:
    """Say of results whether they are right: one after the other, or one by --id and --mark."""
    from gateway.commands.archive_review import review_all

    if (mark is None) != (not id):
        fail("--id and --mark go together.", 2)
    if mark is None and not sys.stdin.isatty():
        fail("This is no terminal: give --id and --mark.", 2)
    marks = () if again or id else (Review.none,)
    wanted = _wanted(task, tenant, since, until, below, marks, id)

    async def work(store: Store) -> str:
        reviewing = _reviewing(store)
        cases = await reviewing.cases(wanted)
        if mark is None:
            return await review_all(reviewing, cases, _person())
        for case in cases or _none(id):
            await reviewing.mark(case, mark.value, answer, _person(), note)
        return f"{len(cases)} marked {mark.value}: {', '.join(case.id for case in cases)}"

    typer.echo(_work(config, work))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder for train.jsonl and its pictures.")],
    format: Annotated[Layout, typer.Option(help="Whose trainer is to read it.")] = Layout.swift,
    task: Task = None,
    tenant: Tenant = "",
    since: Since = "",
    until: Until = "",
    config: ConfigOption = None,
) -> None:
    """Make a training set of what was reviewed as right or corrected."""
    from gateway.archive.export import Export

    wanted = _wanted(task, tenant, since, until, None, (Review.right, Review.corrected))

    async def work(store: Store) -> Any:
        reviewing = _reviewing(store)
        return await Export(reviewing, out, format.value).write(await reviewing.cases(wanted))

    made = _work(config, work)
    typer.echo(f"{made.lines} conversations, {made.media} media: {out / 'train.jsonl'}")
    for why, number in made.left_out.items():
        typer.echo(f"  left out: {number} ({why})", err=True)


@app.command()
def delete(
    tenant: Annotated[str, typer.Option(help="The tenant that is to be forgotten.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = None,
) -> None:
    """Delete all that there is of a tenant."""
    from gateway.archive.removal import forget_tenant

    if not yes:
        typer.confirm(f"Delete everything of {tenant}?", abort=True)
    removed = _work(config, lambda store: forget_tenant(store, tenant))
    typer.echo(f"Deleted of {tenant}: {_said(removed)}")


@app.command()
def tidy(config: ConfigOption = None) -> None:
    """Delete what is older than archive.days. Gateways do it once a day by themselves."""
    from gateway.archive.removal import tidy as tidied

    days = settings_of(config).archive.days
    typer.echo(f"Deleted: {_said(_work(config, lambda store: tidied(store, days)))}")


def _said(removed: Any) -> str:
    numbers = ", ".join(f"{getattr(removed, name)} {name}" for name in ("originals", "results", "reviews"))
    return f"{numbers}, {removed.records} files of records, {removed.bytes / 1e6:.1f} MB"


def _row(case: Case) -> tuple[str, ...]:
    record, confidence = case.record, case.record.confidence
    answer = " ".join(case.result.answer.split())
    return (
        case.id,
        datetime.fromtimestamp(record.time, UTC).strftime("%Y-%m-%d %H:%M"),
        record.tenant,
        record.task or "chat",
        "" if confidence is None else f"{confidence:.3f}",
        str(case.times),
        case.review.mark if case.review else "",
        answer if len(answer) <= 60 else f"{answer[:59]}…",
    )


def _wanted(
    task: list[str] | None,
    tenant: str,
    since: str,
    until: str,
    below: float | None,
    marks: Any,
    id: str = "",
) -> Wanted:
    from gateway.archive.review import Wanted

    held = tuple(None if mark == Review.none else mark.value for mark in marks)
    return Wanted(tuple(task or ()), tenant, _day(since), _day(until), below, held, id)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail(f"{text} is no day; write it as {time.strftime('%Y-%m-%d')}.", 2)


def _none(id: str) -> Any:
    fail(f"There is no result {id}.")


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _reviewing(store: Store) -> Reviewing:
    from gateway.archive.review import Reviewing

    return Reviewing(store)


def _work(config: Path | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Work with the archive of the configuration; what goes wrong is a sentence, and ends the command."""
    from gateway.archive.base import ArchiveError
    from gateway.archive.store import open_store

    settings: Settings = settings_of(config)
    if not settings.archive.enabled:
        fail("There is no archive: archive.url is none.", 2)

    async def run() -> T:
        return await work(open_store(settings.archive, settings.server.folder("archive")))

    try:
        return asyncio.run(run())
    except SettingsError as error:
        fail(str(error), 2)
    except (ArchiveError, ValueError, OSError) as error:
        fail(f"{error}.".replace("..", "."))
