"""The command line: `qwen-vl`."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from gateway import __version__
from gateway.commands import archive, ask, batch, bench, jobs, keys, report, usage
from gateway.commands.store import ConfigOption
from gateway.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from gateway.cache.base import Store

app = typer.Typer(
    help="A gateway that serves Qwen3-VL to task-routed and OpenAI requests.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
cache_app = typer.Typer(help="Look at the kept answers, or forget them.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")
app.add_typer(keys.app, name="keys")
app.add_typer(jobs.app, name="jobs")
app.add_typer(archive.app, name="archive")
_out = Console()
_err = Console(stderr=True)

T = TypeVar("T")
_STORE_TIMEOUT_S = 5.0


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"qwen-vl {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one.")] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Listen beyond this machine without any key.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that serve the port together.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    drain_timeout: Annotated[
        float | None, typer.Option(help="Seconds to finish requests after SIGTERM.")
    ] = None,
) -> None:
    """Start the gateway and its engine."""
    flags = {
        "host": host,
        "port": port,
        "insecure": insecure,
        "workers": workers,
        "log_level": log_level,
        "drain_timeout_s": drain_timeout,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    settings = _settings(config, {"server": given} if given else {})
    import uvloop

    try:
        status = uvloop.run(_serve(settings))
    except SettingsError as error:
        raise _refused(error) from None
    raise typer.Exit(status)


async def _serve(settings: Settings) -> int:
    from gateway.server import listen
    from gateway.telemetry.logs import change_level_by_signal, set_up_logging

    set_up_logging(settings.server.log_level, settings.server.log_format)
    change_level_by_signal(settings.server.log_level)
    socks = [listen(settings.server.host, settings.server.port)]
    try:
        if settings.accounts.admin_port is not None:
            socks.append(listen(settings.accounts.admin_host, settings.accounts.admin_port))
        several = settings.server.workers > 1
        return await (_serve_by_several(settings, socks) if several else _serve_alone(settings, socks))
    finally:
        for sock in socks:
            sock.close()


async def _serve_alone(settings: Settings, socks: list[socket.socket]) -> int:
    from gateway.banner import announce, warn_if_open
    from gateway.server import GatewayServer

    server = GatewayServer(settings)
    await server.prepare()
    await warn_if_open(_err, server.gateway)
    if len(socks) > 1:
        server.gateway.admin_port = socks[1].getsockname()[1]
    banner = asyncio.create_task(announce(_err, server.gateway, _address(socks[0])))
    try:
        await server.serve(socks)
    finally:
        banner.cancel()
        await asyncio.gather(banner, return_exceptions=True)
    return server.exit_code


async def _serve_by_several(settings: Settings, socks: list[socket.socket]) -> int:
    from gateway.banner import greet
    from gateway.workers.supervisor import Supervisor

    names = ", ".join(settings.models)
    _err.print(f"Loading {names}, for {settings.server.workers} workers …", highlight=False)
    supervisor = Supervisor(settings, socks, lambda seconds: greet(_err, names, _address(socks[0]), seconds))
    return await supervisor.run()


def _address(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only compared
    return f"http://{shown}:{port}"


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Say what is present, missing or broken on this machine, and how to mend it."""
    from gateway.doctor import diagnose

    settings = _settings(config, {})
    findings = diagnose(settings)
    for finding in findings:
        mark = {"ok": "[green]ok     [/]", "note": "[yellow]note   [/]", "broken": "[red]broken [/]"}[
            finding.state
        ]
        _out.print(f"{mark} {finding.what}: {finding.detail}", highlight=False)
        if finding.cure:
            _out.print(f"         → {finding.cure}", highlight=False)
    raise typer.Exit(1 if any(finding.state == "broken" for finding in findings) else 0)


@app.command("config")
def show_config() -> None:
    """Print every setting with its description and default, as a configuration file."""
    from gateway.example_config import example

    typer.echo(example(), nl=False)


@cache_app.command()
def stats(config: ConfigOption = None) -> None:
    """Say how many answers are kept, and in how much memory."""
    found = _with_store(config, lambda store: store.stats())
    _out.print(f"{found.entries} answers, {found.bytes / 1e6:.1f} MB in the store", highlight=False)


@cache_app.command()
def purge(
    config: ConfigOption = None,
    tenant: Annotated[str, typer.Option(help="Forget only this tenant's answers.")] = "",
) -> None:
    """Forget all kept answers. Running gateways follow within `cache.memory_ttl_s`."""
    from gateway.cache.key import tenant_scope

    prefix = f"{tenant_scope(tenant)}:" if tenant else ""
    removed = _with_store(config, lambda store: store.purge(prefix))
    _out.print(f"{removed} answers forgotten", highlight=False)


def _with_store(config: Path | None, work: Callable[[Store], Awaitable[T]]) -> T:
    """Work with the store of the configuration; one that cannot be reached ends the command."""
    from gateway.cache.base import StoreError
    from gateway.cache.factory import existing_store

    settings = _settings(config, {})

    async def run() -> T:
        store = existing_store(settings.cache, settings.server.folder("cache"), _STORE_TIMEOUT_S)
        try:
            return await work(store)
        finally:
            await store.aclose()

    try:
        return asyncio.run(run())
    except StoreError as error:
        _err.print(f"[red]Error:[/] The cache cannot be reached: {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


for command in (
    ask.ask,
    ask.tasks,
    ask.models,
    batch.batch,
    report.report,
    bench.bench,
    usage.usage,
):
    app.command()(command)


def _settings(config: Path | None, flags: dict[str, Any]) -> Settings:
    try:
        return load_settings(config, flags)
    except SettingsError as error:
        raise _refused(error) from None


def _refused(error: SettingsError) -> typer.Exit:
    """Says what is wrong with the configuration; the exit that follows."""
    _err.print(f"[red]Error:[/] {error}", highlight=False, soft_wrap=True)
    return typer.Exit(2)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
