"""A training set of what people held to be right: a line of JSON a conversation, pictures beside it."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from gateway.archive.record import KeptMedium
from gateway.archive.review import Case, Reviewing
from gateway.media import formats

Format = Literal["swift", "llama-factory", "openai"]

_MIMES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "MP4": "video/mp4",
    "WEBM": "video/webm",
}
"""By what the bytes are: what a client called them is not trusted."""
_FOLDERS = {"image": "images", "video": "videos"}
_SET = "train.jsonl"
_INFO = {
    "archive": {
        "file_name": _SET,
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images", "videos": "videos"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
}
"""What LLaMA-Factory is told of the set, in `dataset_info.json`."""


class Exported(msgspec.Struct):
    lines: int = 0
    media: int = 0
    left_out: dict[str, int] = {}
    """Reviewed results that make no training line, by why."""


class _LeftOut(Exception):
    """`str()` says why."""


class Export:
    """Writes `train.jsonl` and the folders `images` and `videos` into `folder`."""

    def __init__(self, reviewing: Reviewing, folder: Path, format: Format) -> None:
        self._reviewing = reviewing
        self._folder = folder
        self._format = format
        self._written: set[Path] = set()

    async def write(self, cases: Iterable[Case]) -> Exported:
        """The oldest first, so that the same archive gives the same file.

        Raises `ArchiveError` and `OSError`.
        """
        left_out: Counter[str] = Counter()
        lines = []
        for case in sorted(cases, key=lambda case: case.record.time):
            try:
                lines.append(msgspec.json.encode(await self._line(case)))
            except _LeftOut as why:
                left_out[str(why)] += 1
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{_SET}.part"
        part.write_bytes(b"".join(line + b"\n" for line in lines))
        part.replace(self._folder / _SET)
        if self._format == "llama-factory":
            info = msgspec.json.format(msgspec.json.encode(_INFO), indent=2)
            (self._folder / "dataset_info.json").write_bytes(info + b"\n")
        return Exported(len(lines), len(self._written), dict(left_out))

    async def _line(self, case: Case) -> dict[str, Any]:
        answer = case.right_answer
        if answer is None:
            raise _LeftOut("wrong, or not reviewed")
        if case.result.choices[0].tool_calls or any(m["role"] == "tool" for m in case.result.messages):
            raise _LeftOut("calls of tools")
        if any(medium.kind == "document" for medium in case.result.media):
            raise _LeftOut("documents: their pages are asked about one by one")
        files = [await self._file(case, medium) for medium in case.result.media]
        turns = [*case.result.messages, {"role": "assistant", "content": answer}]
        if self._format == "openai":
            return {"messages": [_with_media(turn, files) for turn in turns]}
        line: dict[str, Any] = {"messages": [_with_marks(turn) for turn in turns]}
        shown = [part for turn in turns for part in _media_of(turn)]
        for kind, folder in _FOLDERS.items():
            if paths := [str(files[part["medium"]]) for part in shown if part["type"] == kind]:
                line[folder] = paths
        return line

    async def _file(self, case: Case, medium: KeptMedium) -> Path | str:
        """Where the bytes lie, beside the set; as a data URL where the format holds them itself."""
        if medium.parts:
            raise _LeftOut("clips that were sent as pictures")
        data = await self._reviewing.original(case, medium.original) if medium.original else None
        if data is None:
            raise _LeftOut("pictures that are not kept")
        mime = _MIMES.get(formats.sniff(data) or "")
        if mime is None:
            raise _LeftOut("media of unknown kinds")
        if self._format == "openai":
            if medium.kind != "image":
                raise _LeftOut("clips, which this format has no place for")
            return f"data:{mime};base64,{base64.b64encode(data).decode()}"
        path = Path(_FOLDERS[medium.kind]) / f"{medium.original}.{mime.partition('/')[2]}"
        target = self._folder / path
        if target not in self._written:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            self._written.add(target)
        return path


def _media_of(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [] if isinstance(content, str | None) else [part for part in content if "medium" in part]


def _with_marks(turn: dict[str, Any]) -> dict[str, Any]:
    """A turn as text, with `<image>` or `<video>` where the model sees one."""
    content = turn["content"] or ""
    if not isinstance(content, str):
        content = "".join(_plain(part["text"]) if "text" in part else f"<{part['type']}>" for part in content)
    elif turn["role"] != "assistant":
        content = _plain(content)
    return {"role": _role(turn), "content": content}


def _plain(text: str) -> str:
    """What a user wrote cannot pass for a picture: a trainer counts the marks."""
    return text.replace("<image>", "< image >").replace("<video>", "< video >")


def _with_media(turn: dict[str, Any], files: list[Path | str]) -> dict[str, Any]:
    content = turn["content"] or ""
    if not isinstance(content, str):
        content = [
            part if "text" in part else {"type": "image_url", "image_url": {"url": files[part["medium"]]}}
            for part in content
        ]
    return {"role": _role(turn), "content": content}


def _role(turn: dict[str, Any]) -> str:
    return "system" if turn["role"] == "developer" else str(turn["role"])
