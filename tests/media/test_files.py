"""Uploaded files on disk: whose they are, and that nothing stays for ever."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import msgspec
import pytest

from gateway.errors import FILE_NOT_FOUND, GatewayError
from gateway.media.files import FileStore
from gateway.settings import MediaSettings


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("file-*"))


@pytest.mark.parametrize("name", ["../{other}/{id}", "a\0b", "", ".", "file-", "/etc/passwd"])
def test_a_name_that_is_no_id_is_not_there(tmp_path: Path, name: str) -> None:
    store = FileStore(MediaSettings(), tmp_path)
    file = store.add(io.BytesIO(b"theirs"), "a.png", "vision", "other")
    folder = next(tmp_path.iterdir()).name
    for look in (store.get, store.read, store.path, store.delete):
        with pytest.raises(GatewayError) as refused:
            look(name.format(other=folder, id=file.id), "me")
        assert refused.value.code is FILE_NOT_FOUND
    assert store.read(file.id, "other") == b"theirs"


def test_what_has_expired_and_what_was_left_half_written_goes_whoever_it_belongs_to(tmp_path: Path) -> None:
    store = FileStore(MediaSettings(), tmp_path)
    old = store.add(io.BytesIO(b"old"), "a.png", "vision", "a tenant that never came back")
    (known,) = tmp_path.rglob(f"{old.id}.json")
    known.write_bytes(msgspec.json.encode(msgspec.structs.replace(old, expires=1)))
    stays = store.add(io.BytesIO(b"new"), "b.png", "vision", "other")
    half, younger, known_half = (tmp_path / f"{'0' * 24}" / f"file-{digit * 24}" for digit in "123")
    half.parent.mkdir()
    for path in (half, younger, known_half, known_half.with_suffix(".json")):
        path.write_bytes(b"half")
        if path != younger:
            os.utime(path, (0, time.time() - 7200))
    store.sweep()
    assert kept(tmp_path) == sorted([stays.id, f"{stays.id}.json", younger.name])


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        FileStore(MediaSettings(), tmp_path).add(Broken(b"x"), "a.png", "vision", "me")
    assert kept(tmp_path) == []
