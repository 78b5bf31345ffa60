"""The documentation as a site, and what its pages tell people to run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.servers import ROOT, RunningServer, serving

PAGES = ("quickstart", "endpoints", "capacity")
LANGUAGES = {"bash": ["bash", "-ec"], "python": [sys.executable, "-c"]}
CONFIG = """
models: {qwen3-vl-30b: {engine: {kind: scripted, answer: "A red circle."}}}
safety: {classify_images: false}
"""


def snippets(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        blocks = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        found += [(f"{page} {number}", code) for number, code in enumerate(blocks, 1)]
    return found


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("site"), CONFIG) as server:
        yield server


def run(command: list[str], code: str, url: str) -> str:
    done = subprocess.run(
        [*command, code.replace("http://127.0.0.1:8000", url)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("language", "code"),
    [(language, code) for language in LANGUAGES for _, code in snippets(language)],
    ids=[f"{language} {name}" for language in LANGUAGES for name, _ in snippets(language)],
)
def test_a_snippet_runs_as_it_stands(scripted: RunningServer, language: str, code: str) -> None:
    said = run(LANGUAGES[language], code, scripted.url)
    assert said
    assert '"error"' not in said


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(
    "code", [code for _, code in snippets("javascript")], ids=[name for name, _ in snippets("javascript")]
)
def test_a_snippet_of_node_runs_as_it_stands(scripted: RunningServer, code: str) -> None:
    said = run(["node", "--input-type=module", "-e"], code, scripted.url)
    assert "red" in said


def test_the_site_is_built_without_a_warning_and_has_every_page(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mkdocs")), "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )
    assert done.returncode == 0, done.stderr
    nav = yaml.safe_dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert set(re.findall(r"[\w-]+\.md", nav)) == pages, "mkdocs.yml names every page once"
    page = (tmp_path / "index.html").read_text()
    assert not re.findall(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"', page)
