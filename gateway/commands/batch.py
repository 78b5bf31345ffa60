"""`qwen-vl batch`: one task for many files, with progress, retries, and no work done twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gateway.client import AsyncQwenVLClient
from gateway.client.batch import Outcome
from gateway.client.collect import CollectError, Item, collect
from gateway.client.ledger import Ledger
from gateway.commands.ask import BaseUrl, Key

_FAILED, _NOT_BEGUN, _INTERRUPTED = 1, 2, 130
_TRIES = 20
_TIMEOUT_S = 300.0
_SHOWN = 20
_DOCUMENTS = "doc_analyze"


def batch(
    places: Annotated[
        list[str], typer.Argument(help="Folders, patterns, files, addresses, and lists (.jsonl, .csv).")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Output: .jsonl, .csv or .parquet.")],
    task: Annotated[str, typer.Option(help="What to do; `qwen-vl tasks` lists it.")] = "captioning",
    text: Annotated[str, typer.Option(help="The question, where a list names none.")] = "",
    at_once: Annotated[int, typer.Option(help="Questions at a time.", min=1, max=1024)] = 8,
    model: Annotated[str | None, typer.Option(help="A served model's name.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the task API, such as max_tokens=64.")
    ] = None,
    base_url: BaseUrl = None,
    key: Key = None,
) -> None:
    """Put one task to many files. Started again with the same --out, it goes on where it stopped."""
    try:
        options = dict(map(_option, option or ()))
        items = collect(places, by_page=task != _DOCUMENTS)
        with Ledger(out, task) as ledger:
            run = _Run(ledger, task, text, options | ({"model": model} if model else {}))
            client = AsyncQwenVLClient(base_url, key, tries=_TRIES, timeout=_TIMEOUT_S, lane="batch")
            asyncio.run(run.work(items, client, at_once))
            ledger.finish()
    except CollectError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_NOT_BEGUN) from None
    run.tell(out)


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CollectError(f"--option {text}: must be NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


class _Run:
    """One run over the items that have no answer yet."""

    def __init__(self, ledger: Ledger, task: str, text: str, options: dict[str, Any]) -> None:
        self._ledger = ledger
        self._task = task
        self._text = text
        self._options = options
        self._stopping = False
        self._total = 0
        self._tokens = 0
        self._failed: list[tuple[str, str]] = []

    async def work(self, items: list[Item], client: AsyncQwenVLClient, at_once: int) -> None:
        """Ctrl-C lets what runs come to its end; a second one does not."""
        self._total = len(items)
        left = [item for item in items if item.id not in self._ledger.done]
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop, asyncio.current_task())
        asked: list[Item] = []
        with _bar() as bar:
            shown = bar.add_task(self._task, total=len(items), completed=len(items) - len(left), told="")
            try:
                async with client:
                    async for outcome in client.batch(self._requests(left, asked), at_once=at_once):
                        self._take(asked[outcome.index], outcome)
                        self._show(bar, shown)
            except asyncio.CancelledError:
                self._stopping = True  # by a second Ctrl-C

    def _stop(self, task: asyncio.Task[Any] | None) -> None:
        if self._stopping and task is not None:
            task.cancel()
        self._stopping = True

    def _requests(self, items: Iterable[Item], asked: list[Item]) -> Iterator[dict[str, Any]]:
        for item in items:
            if self._stopping:
                return
            try:
                request = item.request(self._task, self._text, self._options)
            except CollectError as error:
                self._failed.append((item.id, str(error)))
                continue
            asked.append(item)
            yield request

    def _take(self, item: Item, outcome: Outcome) -> None:
        if outcome.answer is None:
            self._failed.append((item.id, str(outcome.error)))
            return
        self._ledger.write(item.id, outcome.answer)
        metadata = outcome.answer.metadata
        self._tokens += metadata.input_tokens + metadata.output_tokens

    def _show(self, bar: Progress, shown: TaskID) -> None:
        told = f"{self._tokens:,} tokens" + (f", {len(self._failed)} failed" if self._failed else "")
        if self._stopping:
            told += ", stopping …"
        bar.update(shown, advance=1, told=told)

    def tell(self, out: Path) -> None:
        """What came of it, on standard error; and the exit status that follows."""
        done = len(self._ledger.done)
        typer.echo(f"{done} of {self._total} answered, {self._tokens:,} tokens: {out}", err=True)
        for name, why in self._failed[:_SHOWN]:
            typer.echo(f"  failed: {name}: {why}", err=True)
        if more := len(self._failed[_SHOWN:]):
            typer.echo(f"  … and {more} more", err=True)
        if self._stopping:
            typer.echo("Interrupted; the same command goes on from here.", err=True)
            raise typer.Exit(_INTERRUPTED)
        if self._failed:
            typer.echo("The same command asks for the failed ones again.", err=True)
            raise typer.Exit(_FAILED)


class _Rate(ProgressColumn):
    """Answers a second."""

    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f}/s")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
        console=Console(stderr=True),
    )
