"""Finds what a batch is about: in folders, by patterns, in lists (JSONL, CSV) and in documents."""

from __future__ import annotations

import csv
import glob
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gateway.client.errors import QwenVLError
from gateway.client.inputs import Input, is_address

if TYPE_CHECKING:
    from PIL.Image import Image

_MEDIA = frozenset((".jpg", ".jpeg", ".png", ".webp", ".pdf", ".mp4", ".m4v", ".mov", ".webm"))
_DPI = 144


class CollectError(QwenVLError):
    """What a batch was given to work on cannot be used."""


class Item(msgspec.Struct, frozen=True):
    """One question of a batch. Its id is the same whenever the batch is run again."""

    id: str
    media: tuple[str, ...]
    text: str = ""
    options: dict[str, Any] = {}
    page: int | None = None
    """The page of the document that it is about; `None` for all that is there."""

    def request(self, task: str, text: str, options: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `ask`, with what the batch says for all items under what this one says."""
        media: list[Input] = list(self.media)
        if self.page is not None:
            media = [page_image(self.media[0], self.page)]
        return {
            **options,
            **self.options,
            "images": media,
            "question": self.text or text,
            "task": task,
        }


def collect(places: Iterable[str], *, by_page: bool) -> list[Item]:
    """The items of all places, each once. With `by_page`, each page of a document is one.

    Raises `CollectError` where there is nothing, or a list cannot be read.
    """
    items: dict[str, Item] = {}
    for place in places:
        found = list(_of(place, by_page))
        if not found:
            raise CollectError(f"{place}: there is nothing to ask about.")
        for item in found:
            items.setdefault(item.id, item)
    return list(items.values())


def _of(place: str, by_page: bool) -> Iterator[Item]:
    path = Path(place).expanduser()
    if is_address(place):
        yield Item(place, (place,))
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in _MEDIA and file.is_file():
                yield from _file(file, by_page)
    elif path.is_file():
        lists = {".jsonl": _jsonl, ".csv": _csv}
        read = lists.get(path.suffix.lower())
        yield from read(path) if read else _file(path, by_page)
    else:
        for name in sorted(glob.glob(str(path), recursive=True)):
            if Path(name).is_file():
                yield from _file(Path(name), by_page)


def _file(path: Path, by_page: bool) -> Iterator[Item]:
    if path.suffix.lower() == ".pdf" and by_page:
        for page in range(1, _pages(path) + 1):
            yield Item(f"{path}#page={page}", (str(path),), page=page)
    else:
        yield Item(str(path), (str(path),))


def _jsonl(path: Path) -> Iterator[Item]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.strip():
            try:
                fields = json.loads(line)
            except ValueError:
                raise CollectError(f"{path}: line {number} is not JSON.") from None
            yield _row(path, number, fields)


def _csv(path: Path) -> Iterator[Item]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            yield _row(path, number, {name: value for name, value in row.items() if name and value})


def _row(path: Path, number: int, fields: Any) -> Item:
    """One line of a list: `images` (or `image`), and if it likes `id`, `text`, `options`."""
    if not isinstance(fields, dict):
        raise CollectError(f"{path}: line {number} is not an object.")
    images = fields.get("images", fields.get("image"))
    names = images.split(";") if isinstance(images, str) else images
    if not names or not all(isinstance(name, str) for name in names):
        raise CollectError(f"{path}: line {number} names no images.")
    media = tuple(_beside(path, name.strip()) for name in names)
    text = fields.get("text", fields.get("question", ""))
    options = fields.get("options", {})
    if not isinstance(options, dict):
        raise CollectError(f"{path}: line {number}: options must be an object.")
    name = str(fields.get("id", f"{path}:{number}"))
    return Item(name, media, str(text), options)


def _beside(path: Path, name: str) -> str:
    """A file that a list names lies beside the list, unless its path is a whole one."""
    return name if is_address(name) else str(path.parent / Path(name).expanduser())


def _pages(path: Path) -> int:
    pdfium = _pdfium()
    try:
        with pdfium.PdfDocument(path) as document:
            return len(document)
    except pdfium.PdfiumError:
        raise CollectError(f"{path}: is not a readable PDF.") from None


def page_image(path: str, number: int) -> Image:
    """A page of a PDF, drawn. Raises `CollectError`."""
    pdfium = _pdfium()
    try:
        with pdfium.PdfDocument(path) as document:
            picture: Image = document[number - 1].render(scale=_DPI / 72).to_pil()
    except pdfium.PdfiumError:
        raise CollectError(f"{path}: page {number} cannot be drawn.") from None
    return picture


def _pdfium() -> Any:
    try:
        import pypdfium2
    except ImportError:
        raise CollectError("Pages of a PDF need the package pypdfium2: pip install pypdfium2") from None
    return pypdfium2
