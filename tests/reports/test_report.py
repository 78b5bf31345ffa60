"""`qwen-vl report` and its Python call, from a document to a file."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.errors import GenerationFailed
from gateway.client import AsyncQwenVLClient
from gateway.reports import ReportError, read_report, write
from gateway.reports.rules import parse_rules
from tests.conftest import Gateway, Start
from tests.reports.papers import Paper
from tests.scripts import scripted
from tests.servers import ROOT, RunningServer

CHART: dict[str, Any] = {
    "type": "bar",
    "title": None,
    "axes": {"x": None, "y": None},
    "series": [{"name": None, "points": [{"label": "A", "value": 4}, {"label": "B", "value": 9.5}]}],
    "summary": "B is highest.",
}
RULES = """
rules:
  - {flag: watch, series: Sales, above: 9}
  - {flag: =incomplete, series: "*debt*", missing: true}
"""
CONFIG = """
models: {{m: {{engine: {{kind: scripted, answer: {answer}}}}}}}
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false}}
"""


def paper(folder: Path) -> Path:
    drawn = Paper()
    drawn.bars(60, 100, "Sales")
    drawn.turn_to_new_page()
    drawn.bars(60, 100, "Costs")
    return drawn.save(folder / "report.pdf")


def qwen_vl(*words: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "report", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, env=os.environ | {"COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_command_writes_every_format_and_says_what_is_flagged(start: Start, tmp_path: Path) -> None:
    url = start(CONFIG.format(answer=json.dumps(json.dumps(CHART)))).url
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    for kind in ("json", "csv", "sqlite"):
        words = (paper(tmp_path), "--rules", rules, "--out", tmp_path / f"out.{kind}", "--base-url", url)
        status, said = qwen_vl(*words)
        assert status == 0, said
        assert "2 pages, 2 charts, 2 series, 4 values" in said
        assert "watch: Sales (page 1): value above 9: 9.5" in said

    report = json.loads((tmp_path / "out.json").read_text())
    read = [
        (s["title"], [(p["label"], p["value"], p["page"]) for p in s["points"]]) for s in report["series"]
    ]
    assert read == [("Sales", [("A", 4, 1), ("B", 9.5, 1)]), ("Costs", [("A", 4, 2), ("B", 9.5, 2)])]
    assert report["figures"][1]["box"][:2] == pytest.approx([60, 100], abs=1)

    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["title"], row["label"], row["value"], row["page"], row["flags"]) for row in rows] == [
        ("Sales", "A", "4", "1", ""),
        ("Sales", "B", "9.5", "1", "watch"),
        ("Costs", "A", "4", "2", ""),
        ("Costs", "B", "9.5", "2", ""),
        ("*debt*", "", "", "", "'=incomplete"),
    ]

    with closing(sqlite3.connect(tmp_path / "out.sqlite")) as database:
        found = database.execute(
            "SELECT title, page FROM points WHERE label = 'B' AND value > 9 ORDER BY page"
        )
        assert found.fetchall() == [("Sales", 1), ("Costs", 2)]
        assert database.execute("SELECT flag, pages FROM flags").fetchall() == [
            ("watch", "[1]"), ("=incomplete", "[]")
        ]  # fmt: skip
        assert database.execute("SELECT pages FROM report").fetchall() == [(2,)]


def test_what_cannot_be_read_is_listed_and_the_rest_is_written(start: Start, tmp_path: Path) -> None:
    url = start(CONFIG.format(answer="no chart")).url
    out = tmp_path / "out.json"
    status, said = qwen_vl(paper(tmp_path), "--out", out, "--base-url", url)
    assert status == 1
    assert "failed: page 2: " in said
    report = json.loads(out.read_text())
    assert ([failure["page"] for failure in report["failures"]], report["series"]) == ([1, 2], [])


def test_what_cannot_be_begun_is_said_in_a_sentence(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - flag: watch\n    belov: 3\n")
    broken = tmp_path / "broken.pdf"
    broken.write_text("no PDF")
    nowhere = ("--base-url", "http://127.0.0.1:9")
    for words, why in (
        ((paper(tmp_path), "--out", tmp_path / "a.txt"), "must end in .json, .csv, .sqlite"),
        ((paper(tmp_path), "--out", tmp_path / "no" / "a.csv"), "is not a folder"),
        ((paper(tmp_path), "--out", tmp_path / "a.csv", "--rules", rules), "line 3: `belov` is not known"),
        ((paper(tmp_path), "--out", tmp_path / "a.csv", "--rules", tmp_path / "no.yaml"), "No such file"),
        ((broken, "--out", tmp_path / "a.csv"), "not a readable PDF"),
        ((tmp_path / "gone.pdf", "--out", tmp_path / "a.csv"), "No such file"),
    ):
        status, said = qwen_vl(*words, *nowhere)
        assert (status, why in said, "Traceback" in said) == (2, True, False), said
        assert not (tmp_path / "a.csv").exists()


async def test_the_python_call_tells_progress_and_keeps_failures(gateway: Gateway, tmp_path: Path) -> None:
    engine = scripted(json.dumps(CHART))
    told: list[tuple[int, int, int]] = []
    async with gateway(engine) as http:
        client = AsyncQwenVLClient("http://gateway", http_client=http, tries=1)
        report = await read_report(
            paper(tmp_path), client, parse_rules(RULES, "rules"), progress=lambda *now: told.append(now)
        )
        assert told == [(0, 2, 0), (1, 2, 0), (2, 2, 0)]
        assert [flag.flag for flag in report.flags] == ["watch", "=incomplete"]
        engine.fail_with = GenerationFailed("It broke.")
        drawn = Paper()
        drawn.picture(60, 60, 260, 160)
        report = await read_report(drawn.save(tmp_path / "other.pdf"), client)
    assert (report.series, [failure.page for failure in report.failures]) == ([], [1])


async def test_a_report_replaces_an_older_file_or_leaves_it(gateway: Gateway, tmp_path: Path) -> None:
    empty = Paper().save(tmp_path / "empty.pdf")
    async with gateway() as http:
        report = await read_report(empty, AsyncQwenVLClient("http://gateway", http_client=http))
    for kind in ("json", "csv", "sqlite"):
        out = tmp_path / f"out.{kind}"
        out.write_text("older")
        write(report, out)
        write(report, out)
        assert out.read_bytes()[:5] != b"older"
        assert not out.with_name(f"{out.name}.part").exists()
    with pytest.raises(ReportError, match="is a folder"):
        (tmp_path / "b.csv").mkdir()
        write(report, tmp_path / "b.csv")


def test_the_package_imports_nothing_of_the_server() -> None:
    code = (
        "import sys, gateway.reports\n"
        "heavy = {'vllm', 'torch', 'starlette', 'pydantic', 'numpy', 'PIL', 'pypdfium2', 'engine'}\n"
        "found = sorted(heavy & {name.split('.')[0] for name in sys.modules})\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.engine
def test_the_example_report_gives_the_numbers_that_it_was_drawn_with_and_their_flags(
    server: RunningServer, tmp_path: Path
) -> None:
    from engine.demo.example_report import PAGES

    out = tmp_path / "out.json"
    words = ("examples/annual.pdf", "--rules", "examples/annual-rules.yaml", "--out", out)
    status, said = qwen_vl(*words, "--base-url", server.url)
    assert status == 0, said
    report = json.loads(out.read_text())
    read = {
        series["title"]: (
            {point["label"]: point["value"] for point in series["points"]},
            {point["page"] for point in series["points"]},
        )
        for series in report["series"]
    }
    assert read == {
        title: (values, {number}) for number, charts in enumerate(PAGES, 1) for title, values in charts
    }
    assert [(flag["flag"], flag["series"], flag["labels"], flag["pages"]) for flag in report["flags"]] == [
        ("watch", "Growth of sales, percent", ["A", "B", "C"], [1]),
        ("watch", "Orders", ["B", "C"], [1]),
        ("alert", "Margin, percent", ["B"], [2]),
        ("incomplete", "*debt*", [], []),
    ]
