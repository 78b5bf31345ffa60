"""`qwen-vl batch` against a server process: everything once, whatever interrupts it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from PIL import Image

from tests.conftest import Start
from tests.servers import ROOT

CONFIG = """
models: {{m: {{engine: {{kind: scripted, first_token_delay_ms: {delay}}}}}}}
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false}}
"""


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (32, 32), (number % 256, number // 256, 99)).save(folder / f"{number:03}.png")
    return folder


def begin(url: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gateway.cli", "batch", *words, "--base-url", url]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )


def batch(url: str, *words: object) -> tuple[int, str]:
    process = begin(url, *map(str, words))
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def interrupt(url: str, out: Path, words: tuple[object, ...], after: int, number: int) -> int:
    """Run until so many answers are there, then press Ctrl-C; the exit status."""
    process = begin(url, *map(str, words))
    pause, deadline = threading.Event(), time.monotonic() + 120
    while not out.exists() or out.read_bytes().count(b"\n") < after:
        assert process.poll() is None
        assert time.monotonic() < deadline
        pause.wait(0.02)
    for _ in range(number):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    return process.returncode


def prove(start: Start, tmp_path: Path, count: int) -> None:
    url = start(CONFIG.format(delay=150)).url
    folder, out = pictures(tmp_path / "in", count), tmp_path / "out.jsonl"
    words = (folder, "--task", "captioning", "--out", out, "--at-once", 4)
    assert interrupt(url, out, words, count // 5, 1) == 130
    assert interrupt(url, out, words, count // 2, 2) == 130
    with out.open("ab") as file:
        file.write(b'{"id": "cut of')  # as a power cut leaves it
    status, said = batch(url, *words)
    assert status == 0, said
    assert f"{count} of {count} answered" in said
    ids = [record["id"] for record in records(out)]
    assert sorted(ids) == sorted(str(path) for path in folder.iterdir())


def test_twenty_pictures_interrupted_twice_are_each_there_once(start: Start, tmp_path: Path) -> None:
    prove(start, tmp_path, 20)


@pytest.mark.slow
def test_five_hundred_pictures_interrupted_twice_are_each_there_once(start: Start, tmp_path: Path) -> None:
    prove(start, tmp_path, 500)


def test_places_of_every_kind_and_the_outputs(start: Start, tmp_path: Path) -> None:
    url = start(CONFIG.format(delay=0)).url
    folder = pictures(tmp_path / "in", 3)
    listed = tmp_path / "list.jsonl"
    listed.write_text(
        json.dumps({"id": "mine", "images": ["in/000.png"], "text": "Mine?"})
        + "\n"
        + json.dumps({"image": "in/gone.png"})
    )
    table = tmp_path / "list.csv"
    table.write_text("image,text\nin/001.png,Which?\n")
    out = tmp_path / "out.jsonl"
    words = (f"{folder}/*1.png", listed, table, "examples/report.pdf", "--task", "vqa", "--text", "All?")
    status, said = batch(url, *words, "--out", out, "--option", "max_tokens=64")
    assert status == 1
    assert "gone.png" in said
    found = {record["id"]: record["answer"] for record in records(out)}
    assert found["mine"].endswith("Mine?")
    assert found[f"{table}:2"].endswith("Which?")
    assert found[f"{folder}/001.png"].endswith("All?")
    assert "examples/report.pdf#page=1" in found
    rows = tmp_path / "out.csv"
    assert batch(url, folder, "--out", rows)[0] == 0
    assert batch(url, folder, "--out", rows)[0] == 0
    with rows.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] != []
        file.seek(0)
        assert len(list(csv.DictReader(file))) == 3
    listed.write_text(json.dumps({"id": "=1+1", "images": ["in/000.png"], "text": "?"}))
    sheet = tmp_path / "sheet.csv"
    assert batch(url, listed, "--task", "vqa", "--out", sheet)[0] == 0
    with sheet.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["'=1+1"], "no formula for a spreadsheet"
    columns = tmp_path / "out.parquet"
    assert batch(url, folder, "--out", columns)[0] == 0
    assert pyarrow.parquet.read_table(columns).num_rows == 3


def test_what_cannot_be_begun_is_said_in_a_sentence(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "a", "task": "ocr"}\n')
    strange = tmp_path / "strange.jsonl"
    strange.write_text("7\n")
    for words, why in (
        (("examples", "--out", tmp_path / "out.txt"), "must end in"),
        (("/no/such/*.png", "--out", tmp_path / "a.jsonl"), "nothing to ask"),
        (("examples", "--out", other), "answers of the task ocr"),
        (("examples", "--out", strange), "no output of a batch"),
        ((strange, "--out", tmp_path / "b.jsonl"), "line 1 is not an object"),
        (("examples", "--out", tmp_path / "c.jsonl", "--option", "x"), "NAME=VALUE"),
    ):
        status, said = batch(nowhere, *words)
        assert (status, why in said, "Traceback" in said) == (2, True, False), said
