"""`qwen-vl ask`, `qwen-vl tasks` and `qwen-vl models`: the command line as a client.

Only answers go to standard output, so that it can be piped on; all else goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer

from gateway.client import Answer, APIConnectionError, APIError, FinalEvent, QwenVLClient, TokenEvent

_REFUSED, _NO_ANSWER = 1, 2

BaseUrl = Annotated[
    str | None,
    typer.Option(help="Address of the gateway.", envvar="QWEN_VL_BASE_URL", show_default="the local one"),
]
Key = Annotated[str | None, typer.Option(help="API key.", envvar="QWEN_VL_API_KEY", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]


def ask(
    words: Annotated[
        list[str],
        typer.Argument(help="Files or addresses, then the question; the question may be left out."),
    ],
    task: Annotated[str | None, typer.Option(help="What to do; `qwen-vl tasks` lists it.")] = None,
    as_json: AsJson = False,
    stream: Annotated[bool, typer.Option(help="Print tokens as they come.")] = True,
    model: Annotated[str | None, typer.Option(help="A served model's name.")] = None,
    base_url: BaseUrl = None,
    key: Key = None,
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of the answer.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0 for the likeliest answer.")] = None,
) -> None:
    """Ask a running gateway about pictures, clips or documents."""
    images, question = _split(words)
    options = {"max_tokens": max_tokens, "temperature": temperature}
    asked: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    chosen = task or ("vqa" if question else "captioning")
    with _explained(), QwenVLClient(base_url, key, model=model) as client:
        if as_json or not stream:
            _print_whole(client.ask(images, question, task=chosen, **asked), as_json)
        else:
            _print_stream(client, images, question, chosen, asked)


def _split(words: list[str]) -> tuple[list[str], str]:
    """Media and question: the last word is the question unless it names a medium."""
    from gateway.client.inputs import is_medium

    if is_medium(words[-1]):
        return words, ""
    return words[:-1], words[-1]


def _print_whole(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(answer), ensure_ascii=False, indent=2))
    else:
        typer.echo(answer.answer)


def _print_stream(
    client: QwenVLClient, images: list[str], question: str, task: str, options: dict[str, Any]
) -> None:
    with client.ask(images, question, task=task, stream=True, **options) as events:
        for event in events:
            if isinstance(event, TokenEvent):
                sys.stdout.write(event.token)
                sys.stdout.flush()
            elif isinstance(event, FinalEvent):
                sys.stdout.write("\n")


def tasks(base_url: BaseUrl = None, key: Key = None, as_json: AsJson = False) -> None:
    """List what a running gateway can be asked to do."""
    with _explained(), QwenVLClient(base_url, key) as client:
        found = client.tasks()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    width = max(len(task["name"]) for task in found)
    for task in found:
        typer.echo(f"{task['name']:<{width}}  {task['description']}")


def models(base_url: BaseUrl = None, key: Key = None) -> None:
    """List the models that a running gateway serves."""
    with _explained(), QwenVLClient(base_url, key) as client:
        typer.echo("\n".join(client.models()))


@contextmanager
def _explained() -> Iterator[None]:
    """Failures as a sentence and an exit status: 1 for a refusal, 2 where no answer came."""
    try:
        yield
    except APIError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_REFUSED) from None
    except APIConnectionError as error:
        typer.echo(f"Error: no answer from {error}. Is the gateway running? (qwen-vl serve)", err=True)
        raise typer.Exit(_NO_ANSWER) from None
    except OSError as error:
        typer.echo(f"Error: {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(_NO_ANSWER) from None
