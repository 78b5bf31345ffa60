"""Reviewing in the terminal: a picture, a question, an answer, and a key to press."""

from __future__ import annotations

import os
import sys
import tempfile
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from gateway.archive.review import Case, Reviewing
from gateway.media import formats

_KEYS = "[r]ight  [c]orrect it  [w]rong  [s]kip  [o]pen the picture  [q]uit"
_SUFFIXES = {"image": "png", "video": "mp4", "document": "pdf"}
_out = Console(highlight=False)


class Keyboard:
    """Single keys of the terminal, for as long as the block lasts. One that is pressed early is kept."""

    def __enter__(self) -> Keyboard:
        self._before = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def read(self) -> str:
        """The next key; nothing at the end of the input."""
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace").lower()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The terminal as it was, for another program."""
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)
        try:
            yield
        finally:
            tty.setcbreak(sys.stdin, termios.TCSADRAIN)


async def review_all(reviewing: Reviewing, cases: Sequence[Case], by: str) -> str:
    """Ask about each, until there is none or the person has enough; what came of it."""
    done = 0
    with tempfile.TemporaryDirectory(prefix="qwen-vl-review-") as folder, Keyboard() as keyboard:
        for number, case in enumerate(cases, 1):
            pictures = await _pictures(reviewing, case, Path(folder))
            _show(case, pictures, f"{number} of {len(cases)}")
            key = await _ask(reviewing, case, pictures, by, keyboard)
            if key == "q":
                break
            done += key != "s"
    return f"{done} of {len(cases)} reviewed"


async def _ask(reviewing: Reviewing, case: Case, pictures: list[Path], by: str, keyboard: Keyboard) -> str:
    """Until a key says what it is; the key."""
    while True:
        _out.print(_KEYS, style="dim", markup=False)
        match key := keyboard.read():
            case "r":
                await reviewing.mark(case, "right", by=by)
            case "w":
                await reviewing.mark(case, "wrong", by=by)
            case "c":
                with keyboard.lent():
                    edited = _edit(case)
                if not await _correct(reviewing, case, edited, by):
                    continue
            case "o":
                for picture in pictures:
                    click.launch(str(picture))
                continue
            case "s" | "q":
                pass
            case "" | "\x04":
                return "q"
            case _:
                continue
        _out.print({"r": "right", "w": "wrong", "c": "corrected", "s": "skipped", "q": ""}[key])
        return key


def _edit(case: Case) -> str | None:
    """The answer as the person's editor has changed it; `None` where it has not."""
    suffix = ".json" if case.result.response_format else ".txt"
    return click.edit(case.right_answer or case.result.answer, extension=suffix)


async def _correct(reviewing: Reviewing, case: Case, edited: str | None, by: str) -> bool:
    """False where there is nothing new, or it cannot be a correction."""
    if edited is None:
        _out.print("Nothing was changed.")
        return False
    try:
        await reviewing.mark(case, "corrected", edited.removesuffix("\n"), by)
    except ValueError as error:
        _out.print(f"{error}.", markup=False)
        return False
    return True


async def _pictures(reviewing: Reviewing, case: Case, folder: Path) -> list[Path]:
    """The originals as files, for other programs to open: what a client called them is not trusted."""
    found = []
    for medium in (one for whole in case.result.media for one in (whole.parts or (whole,))):
        if medium.original and (data := await reviewing.original(case, medium.original)) is not None:
            suffix = formats.sniff(data) or _SUFFIXES.get(medium.kind, "bin")
            path = folder / f"{medium.original[:16]}.{suffix.lower()}"
            path.write_bytes(data)
            found.append(path)
    return found


def _show(case: Case, pictures: list[Path], place: str) -> None:
    record = case.record
    sure = "" if record.confidence is None else f", confidence {record.confidence:.3f}"
    title = f"{place} · {case.id} · {record.tenant} · {record.task or 'chat'}{sure}"
    if case.review:
        title += f" · {case.review.mark}"
    said = Text()
    for picture in pictures:
        said.append(f"{picture}\n", style="cyan")
    said.append(case.result.question.strip() + "\n\n", style="bold")
    said.append(case.result.answer)
    _out.print(Panel(said, title=title, title_align="left"))
