"""`qwen-vl usage`: what was used, from the state store and the history."""

from __future__ import annotations

import csv
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway.client.sheet import harmless
from gateway.commands.store import ConfigOption, fail, settings_of, with_state
from gateway.settings import SettingsError


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


def usage(
    by: Annotated[str, typer.Option(help="day, key, tenant, model, task, or several with commas.")] = "key",
    since: Annotated[str, typer.Option(help="A day, or so many days, as 7d.")] = "7d",
    until: Annotated[str, typer.Option(help="The last day; today if left out.")] = "",
    key: Annotated[str, typer.Option(help="Only of this key's id.")] = "",
    tenant: Annotated[str, typer.Option(help="Only of this tenant.")] = "",
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.table,
    config: ConfigOption = None,
) -> None:
    """Say what was used, and what it cost."""
    from gateway.usage.factory import open_history
    from gateway.usage.history import HistoryError
    from gateway.usage.meter import today
    from gateway.usage.question import question
    from gateway.usage.store import UsageStore

    settings = settings_of(config)
    given = {"by": by, "since": since, "until": until, "key": key, "tenant": tenant}
    try:
        asked = question(given, today())
    except ValueError as error:
        fail(str(error), 2)
    try:
        history = open_history(settings.usage, settings.server.folder("usage"))
        table = history.read(asked.since, asked.until)
    except SettingsError as error:
        fail(str(error), 2)
    except HistoryError as error:
        fail(f"The usage history cannot be read: {error}")
    if settings.state.url != "none":
        table |= with_state(settings, lambda redis: UsageStore(redis).read(asked.since, asked.until))
    answer = asked.answer(table, settings.accounts.currency)
    if format is Format.json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    elif format is Format.csv:
        _print_csv(answer["rows"])
    else:
        _print_table(answer["rows"])


def _print_csv(rows: list[dict[str, Any]]) -> None:
    if rows:
        writer = csv.DictWriter(sys.stdout, rows[0].keys())
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row.items()} for row in rows)


def _print_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        typer.echo("Nothing was used.")
        return
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        typer.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
