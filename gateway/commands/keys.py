"""`qwen-vl keys`: make, look at and end API keys."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.commands.store import ConfigOption, fail, settings_of, with_state
from gateway.settings import Settings, SettingsError

app = typer.Typer(help="Make, look at and end API keys.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(help="The key's id, key_….")]
_Each = "; give it once for each. None allows all."


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Whose key it is.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    tier: Annotated[str | None, typer.Option(help="Its limits; accounts.default_tier if left out.")] = None,
    task: Annotated[list[str] | None, typer.Option(help=f"A task it may ask, or chat{_Each}")] = None,
    model: Annotated[list[str] | None, typer.Option(help=f"A model it may ask{_Each}")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(help=f"A path or pattern it may use{_Each}")] = None,
    lane: Annotated[list[str] | None, typer.Option(help=f"A lane it may use{_Each}")] = None,
    expires_in: Annotated[str | None, typer.Option(help="As 90d; never if left out.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help=f"A web origin it may come from{_Each}")] = None,
    network: Annotated[list[str] | None, typer.Option(help=f"A network it may come from{_Each}")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="A note, as name=value.")] = None,
    as_json: AsJson = False,
    config: ConfigOption = None,
) -> None:
    """Make a key. Its text is shown once, here, and kept nowhere."""
    from gateway.accounts.orders import key_fields, order_of

    settings = settings_of(config)
    order = {
        "tenant": tenant,
        "name": name,
        "tier": tier,
        "tasks": task or (),
        "models": model or (),
        "endpoints": endpoint or (),
        "lanes": lane or (),
        "expires_in": expires_in,
        "origins": origin or (),
        "networks": network or (),
        "metadata": dict(note.partition("=")[::2] for note in metadata or ()),
    }
    try:
        fields = key_fields(order_of(order), settings, _tasks(settings))
    except (ValueError, SettingsError, msgspec.ValidationError) as error:
        fail(str(error), 2)
    _show_secret(*_work(config, lambda keys: keys.create(**fields)), as_json=as_json)


@app.command("list")
def list_keys(as_json: AsJson = False, config: ConfigOption = None) -> None:
    """List all keys."""
    from gateway.accounts.key import view

    found = [view(key) for key in _work(config, lambda keys: keys.list())]
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found), ensure_ascii=False, indent=2))
        return
    rows = [("id", "key", "tenant", "tier", "status", "name")]
    rows += [(key.id, key.hint, key.tenant, key.tier, key.status, key.name) for key in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


@app.command()
def show(id: Id, config: ConfigOption = None) -> None:
    """Show one key, without its text."""
    _show(_work(config, lambda keys: keys.get(id)))


@app.command()
def disable(id: Id, config: ConfigOption = None) -> None:
    """Stop a key until it is enabled again. Running gateways follow within a second."""
    _show(_work(config, lambda keys: keys.disable(id)))


@app.command()
def enable(id: Id, config: ConfigOption = None) -> None:
    """Let a disabled key work again."""
    _show(_work(config, lambda keys: keys.disable(id, False)))


@app.command()
def rotate(
    id: Id,
    overlap: Annotated[str, typer.Option(help="For how long the text before goes on working.")] = "24h",
    as_json: AsJson = False,
    config: ConfigOption = None,
) -> None:
    """Give a key a new text, which is shown once, here."""
    from gateway.accounts.orders import seconds

    try:
        overlap_s = seconds(overlap)
    except ValueError as error:
        fail(str(error), 2)
    _show_secret(*_work(config, lambda keys: keys.rotate(id, overlap_s)), as_json=as_json)


@app.command()
def revoke(id: Id, config: ConfigOption = None) -> None:
    """End a key for good. Running gateways follow within a second."""
    _show(_work(config, lambda keys: keys.revoke(id)))


def _work(config: Path | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    from gateway.accounts.store import KeyStore, UnknownKey

    try:
        return with_state(settings_of(config), lambda redis: work(KeyStore(redis)))
    except UnknownKey as error:
        fail(f"There is no key {error}.")


def _tasks(settings: Settings) -> list[str]:
    from gateway.tasks import BY_NAME
    from gateway.tasks.custom import load_tasks

    return list(load_tasks(settings.server.task_folder, BY_NAME, settings.model_names))


def _show_secret(key: Any, secret: str, *, as_json: bool) -> None:
    from gateway.accounts.key import view

    if as_json:
        typer.echo(json.dumps({"key": secret, **msgspec.to_builtins(view(key))}, ensure_ascii=False))
        return
    typer.echo(secret)
    typer.echo(f"{key.id} for {key.tenant}, tier {key.tier}. The key is shown only now: keep it.", err=True)


def _show(key: Any) -> None:
    from gateway.accounts.key import view

    for name, value in msgspec.to_builtins(view(key)).items():
        if name in ("created", "expires") and value is not None:
            value = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value))
        if value:
            typer.echo(f"{name:<9} {_plain(value)}")


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_plain(one)}" for name, one in value.items() if one)
    return " ".join(value) if isinstance(value, list) else str(value)
