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
from tests.test_docs import routes

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


ADMIN_KEY = "admin-key-of-the-examples"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    config = CONFIG + f"accounts: {{admin_key: {ADMIN_KEY}}}\narchive: {{url: local}}\n"
    with serving(tmp_path_factory.mktemp("guarded"), config) as server:
        yield server


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("site"), CONFIG) as server:
        yield server


@pytest.fixture
def url(request: pytest.FixtureRequest, code: str) -> str:
    """Of a server with an admin key for what needs one, and of one without keys for the rest."""
    server: RunningServer = request.getfixturevalue("guarded" if "ADMIN_KEY" in code else "scripted")
    return server.url


def run(command: list[str], code: str, url: str) -> str:
    done = subprocess.run(
        [*command, code.replace("http://127.0.0.1:8000", url)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"ADMIN_KEY": ADMIN_KEY},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("language", "code"),
    [(language, code) for language in LANGUAGES for _, code in snippets(language)],
    ids=[f"{language} {name}" for language in LANGUAGES for name, _ in snippets(language)],
)
def test_a_snippet_runs_as_it_stands(url: str, language: str, code: str) -> None:
    check(run(LANGUAGES[language], code, url))


def check(said: str) -> None:
    """Something was answered, and in no format a refusal."""
    assert said
    assert not re.search(r'"error":\s*\{|"success":\s*false|"code":\s*[1-9]', said), said


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(
    "code", [code for _, code in snippets("javascript")], ids=[name for name, _ in snippets("javascript")]
)
def test_a_snippet_of_node_runs_as_it_stands(url: str, code: str) -> None:
    check(run(["node", "--input-type=module", "-e"], code, url))


def test_every_route_has_its_example() -> None:
    """Those of Gemini below `/v1` are those below `/v1beta`; the rest of the playground's are its own."""
    page = (ROOT / "docs/endpoints.md").read_text(encoding="utf-8")
    unshown = [
        path
        for _, path in routes()
        if path not in page
        and path.replace("/v1/", "/v1beta/") not in page
        and not path.startswith(("/admin/keys/{id}/", "/playground"))
    ]
    assert unshown == []


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
