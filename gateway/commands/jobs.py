"""`qwen-vl jobs`: the operator's look at jobs, in the state store itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from gateway.errors import GatewayError
from gateway.settings import SettingsError, load_settings

app = typer.Typer(help="Look at jobs, and put failed ones back.", no_args_is_help=True)
_out = Console()

T = TypeVar("T")

_MOST_REQUEUED = 100

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Configuration file (YAML).", envvar="QWEN_VL_CONFIG"),
]
JobId = Annotated[str, typer.Argument(help="The job's id.")]


@app.command("list")
def list_jobs(
    config: Config = None,
    status: Annotated[str | None, typer.Option(help="Only these: queued, running, failed, …")] = None,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.", min=1)] = 20,
) -> None:
    """List jobs of all tenants."""
    jobs, more = _with_store(config, lambda store: store.page(tenant, status=status, limit=limit))
    table = Table("id", "tenant", "status", "task", "runs", "error", box=None, pad_edge=False)
    for job in jobs:
        failure = job.error or job.last_error
        why = f"{failure.code} {failure.name}" if failure and job.status != "succeeded" else ""
        table.add_row(job.id, job.tenant, job.status, job.task, str(job.runs), why)
    _out.print(table)
    if more:
        typer.echo("There are more: --limit", err=True)


@app.command()
def show(job_id: JobId, config: Config = None) -> None:
    """Print all that is known of a job as JSON."""
    from gateway.jobs.record import view
    from gateway.wire.base import json_encode

    job = _with_store(config, lambda store: store.get(job_id, None))
    known = json.loads(
        json_encode(view(job) | {"tenant": job.tenant, "runs": job.runs, "losses": job.losses})
    )
    typer.echo(json.dumps(known, ensure_ascii=False, indent=2))


@app.command()
def cancel(job_id: JobId, config: Config = None) -> None:
    """End a job that is not finished."""
    job = _with_store(config, lambda store: store.cancel(job_id, None))
    typer.echo(job.status)


@app.command()
def requeue(
    job_ids: Annotated[list[str] | None, typer.Argument(help="Ids of failed jobs.")] = None,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="All that have failed.")] = False,
    config: Config = None,
) -> None:
    """Let failed jobs begin anew."""

    async def work(store: Any) -> int:
        done, asked = 0, set(job_ids or ())
        while asked:
            done += sum([await store.requeue(job_id) for job_id in asked])
            asked = set()
        while all_failed:
            jobs, _ = await store.page(None, status="failed", limit=_MOST_REQUEUED)
            begun = sum([await store.requeue(job.id) for job in jobs])
            done += begun
            if not begun:
                break
        return done

    typer.echo(f"{_with_store(config, work)} jobs begin anew")


def _with_store(config: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    """Work with the jobs of the configuration; what goes wrong is a sentence, and ends the command."""
    from gateway.jobs.store import JobStore
    from gateway.stores.state import StateStore

    async def run() -> T:
        state = StateStore(
            settings.state.url, settings.server.folder("state"), settings.state.timeout_ms / 1000
        )
        if not state.enabled:
            raise SettingsError("There is no state store: state.url is none.")
        try:
            return await work(JobStore(state.redis, settings.jobs))
        finally:
            await state.redis.aclose()

    try:
        settings = load_settings(config, {})
        return asyncio.run(run())
    except (SettingsError, GatewayError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from None
