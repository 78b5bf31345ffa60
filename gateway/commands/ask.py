"""`qwen-vl ask`, `qwen-vl tasks` and `qwen-vl models`: the command line as a client.

Only answers go to standard output, so that it can be piped on; all else goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from gateway.client import (
    Answer,
    APIConnectionError,
    APIError,
    FinalEvent,
    QwenVLClient,
    QwenVLError,
    TokenEvent,
)

if TYPE_CHECKING:
    from gateway.client.inputs import Input

_REFUSED, _NO_ANSWER, _NOBODY_READS = 1, 2, 141
"""Exit statuses; the last is what a shell reports of a program that its reader has left."""
_STDIN = "-"

BaseUrl = Annotated[
    str | None,
    typer.Option(help="Address of the gateway.", envvar="QWEN_VL_BASE_URL", show_default="the local one"),
]
Key = Annotated[str | None, typer.Option(help="API key.", envvar="QWEN_VL_API_KEY", show_envvar=True)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")]


def _task_names(incomplete: str) -> list[str]:
    return _served(lambda client: [task["name"] for task in client.tasks()], incomplete)


def _model_names(incomplete: str) -> list[str]:
    return _served(QwenVLClient.models, incomplete)


def _served(names: Callable[[QwenVLClient], list[str]], incomplete: str) -> list[str]:
    """For the shell's completion: names that the local gateway serves, or that of `QWEN_VL_BASE_URL`."""
    try:
        with QwenVLClient(tries=1) as client:
            return [name for name in names(client) if name.startswith(incomplete)]
    except (QwenVLError, OSError):
        return []


Task = Annotated[
    str | None, typer.Option(help="What to do; `qwen-vl tasks` lists it.", autocompletion=_task_names)
]
Model = Annotated[str | None, typer.Option(help="A served model's name.", autocompletion=_model_names)]


def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            help="Files, addresses, or - for standard input; then the question, which may be left out."
        ),
    ],
    task: Task = None,
    as_json: AsJson = False,
    stream: Annotated[bool, typer.Option(help="Print tokens as they come.")] = True,
    model: Model = None,
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


def _split(words: list[str]) -> tuple[list[Input], str]:
    """Media and question: the last word is the question unless it names a medium."""
    from gateway.client.inputs import is_medium

    bare = words[-1] == _STDIN or is_medium(words[-1])
    media, question = (words, "") if bare else (words[:-1], words[-1])
    return [sys.stdin.buffer.read() if word == _STDIN else word for word in media], question


def _print_whole(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(answer), ensure_ascii=False, indent=2))
    else:
        typer.echo(answer.answer)


def _print_stream(
    client: QwenVLClient, images: list[Input], question: str, task: str, options: dict[str, Any]
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
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at the end
        raise typer.Exit(_NOBODY_READS) from None
    except APIError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(_REFUSED) from None
    except APIConnectionError as error:
        typer.echo(f"Error: no answer from {error}. Is the gateway running? (qwen-vl serve)", err=True)
        raise typer.Exit(_NO_ANSWER) from None
    except OSError as error:
        typer.echo(f"Error: {error.filename}: {error.strerror}", err=True)
        raise typer.Exit(_NO_ANSWER) from None
