"""`qwen-vl bench`: load for a server that runs, and what its users would feel."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from gateway.load.driver import Driver
    from gateway.load.report import Figures

_out = Console()
_err = Console(stderr=True)
_MADE_AHEAD = 500
"""Media made before the clock starts; longer runs send them again, which a cache of the server may notice."""


def bench(
    workload: Annotated[
        list[str] | None, typer.Argument(help="What to ask, by name; `--list` tells the names.")
    ] = None,
    base_url: Annotated[
        str, typer.Option(help="Address of the server, without `/v1`.", envvar="QWEN_VL_BASE_URL")
    ] = "http://127.0.0.1:8000",
    key: Annotated[str | None, typer.Option(help="API key.", envvar="QWEN_VL_API_KEY")] = None,
    model: Annotated[str, typer.Option(help="The served model's name.")] = "qwen3-vl-30b",
    concurrency: Annotated[int, typer.Option("-c", min=1, help="Requests in flight (closed loop).")] = 16,
    requests: Annotated[int, typer.Option("-n", min=1, help="Requests of a closed loop.")] = 200,
    rate: Annotated[
        str | None,
        typer.Option(help="Open loop: requests a second (`20`), a ramp (`5-50`), or times (`@file`)."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of an open loop.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the workloads and exit.")] = False,
) -> None:
    """Ask a running server under load: throughput, time to first token, latency."""
    from gateway.load.workloads import WORKLOADS

    if show_list:
        for name, (meaning, _) in WORKLOADS.items():
            _out.print(f"{name:8} {meaning}", highlight=False)
        return
    names = workload or ["image"]
    if unknown := set(names) - set(WORKLOADS):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: choose from {', '.join(WORKLOADS)}")
    measured: dict[str, Figures] = {}
    for name in names:
        measured[name] = asyncio.run(
            _measure(name, base_url, key, model, concurrency, requests, rate, seconds)
        )
    if as_json:
        typer.echo(msgspec.json.encode(measured).decode())
    else:
        _out.print(_table(measured))
    if any(figures.failed == figures.requests for figures in measured.values()):
        _err.print("[red]Error:[/] no request was answered; is the address right?", highlight=False)
        raise typer.Exit(1)


async def _measure(
    name: str,
    base_url: str,
    key: str | None,
    model: str,
    concurrency: int,
    requests: int,
    rate: str | None,
    seconds: float,
) -> Figures:
    from engine.http.origin import Origin
    from gateway.load.arrivals import parse
    from gateway.load.driver import Driver
    from gateway.load.report import figures
    from gateway.load.workloads import WORKLOADS

    meaning, make = WORKLOADS[name]
    try:
        origin = Origin.of(base_url, key)
        arrivals = list(parse(rate, seconds)) if rate else []
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from None
    count = len(arrivals) or requests
    with _progress() as progress:
        bar = progress.add_task(meaning, total=count)
        work = await asyncio.to_thread(make, model, min(count, _MADE_AHEAD))
        driver = Driver(origin, work, lambda _: progress.advance(bar))
        first = random.randrange(1, 1_000_000_000)  # questions that no cache knows from the last run
        took = await _run(driver, arrivals, concurrency, requests, first)
        driver.close()
    return figures(driver.samples, took)


async def _run(driver: Driver, arrivals: list[float], concurrency: int, requests: int, first: int) -> float:
    if arrivals:
        return await driver.open(iter(arrivals), first=first)
    return await driver.closed(concurrency, requests, first)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=_err, transient=True)


def _table(measured: dict[str, Figures]) -> Table:
    table = Table(box=None, header_style="bold")
    heads = ("in ms", "req/s", "tok/s", "TTFT p50", "p99", "total p50", "p99", "failed")
    for head in heads:
        table.add_column(head, justify="left" if head == "in ms" else "right", no_wrap=True)
    for name, found in measured.items():
        times = (found.ttft_p50, found.ttft_p99, found.total_p50, found.total_p99)
        table.add_row(
            name,
            f"{found.requests_per_s:,.1f}",
            f"{found.tokens_per_s:,.0f}",
            *(f"{value:,.1f}" for value in times),
            f"{found.failed}" if not found.failed else f"[red]{found.failed}[/]",
        )
    return table
