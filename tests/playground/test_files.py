"""What the page is made of, and what the server tells it. No browser is needed for these."""

from __future__ import annotations

import re

import httpx
import pytest

from gateway.errors import CODES
from gateway.media import formats
from gateway.playground.assets import FOLDER, assets
from gateway.settings import MediaSettings, ServerSettings, Settings
from tests.conftest import QUICK, Gateway
from tests.pictures import square
from tests.servers import ROOT

LIMIT = 150_000
STATIC = sorted(path for path in FOLDER.rglob("*") if path.is_file())


def test_all_of_it_is_under_150_kb() -> None:
    assert sum(path.stat().st_size for path in STATIC) < LIMIT


def test_every_file_is_served() -> None:
    assert {path.relative_to(FOLDER).as_posix() for path in STATIC} == assets().keys()


def test_files_hold_one_job() -> None:
    for path in STATIC:
        if path.suffix in (".js", ".html", ".css"):
            assert len(path.read_text(encoding="utf-8").splitlines()) < 250, path.name


def test_no_other_host_is_named_and_nothing_is_inline() -> None:
    for path in STATIC:
        if path.suffix in (".js", ".html", ".css"):
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?://", text), path.name
            assert not re.search(r"innerHTML|insertAdjacentHTML|eval\(|document\.write", text), path.name
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page)


def test_what_files_ask_for_is_there() -> None:
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:href|src)="playground/([^"]+)"', page):
        assert name in assets()
    for path in FOLDER.rglob("*.js"):
        for name in re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / name).exists(), f"{path.name} imports {name}"


def test_the_examples_are_those_of_the_repository() -> None:
    for path in (FOLDER / "examples").iterdir():
        assert path.read_bytes() == (ROOT / "examples" / path.name).read_bytes()


def words(language: str) -> dict[str, str]:
    text = (FOLDER / f"js/words/{language}.js").read_text(encoding="utf-8")
    return dict(re.findall(r'^  "?([\w. ]+)"?: "(.*)",$', text, re.MULTILINE))


def test_both_languages_have_the_same_words_with_the_same_blanks() -> None:
    english, chinese = words("en"), words("zh")
    assert english.keys() <= chinese.keys()
    assert {name.split(".")[0] for name in chinese.keys() - english.keys()} == {"note", "what", "advice"}
    for name, text in english.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", chinese[name])), name


def test_every_word_that_is_used_is_there() -> None:
    english = words("en")
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    used = set(re.findall(r'data-t(?:-label)?="(\w+)"', page))
    for path in (FOLDER / "js").rglob("*.js"):
        used |= set(re.findall(r'\bt\("(\w+)"', path.read_text(encoding="utf-8")))
    assert used <= english.keys()


async def test_the_page_is_open_and_strict(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"


async def test_a_file_that_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/playground/js/app.js")
    again = await client.get(
        "/playground/js/app.js", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'}
    )
    assert first.headers["content-type"].startswith("text/javascript")
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", ["nothing.js", "../assets.py", "%2e%2e/assets.py", "js", ""])
async def test_nothing_else_is_served(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(f"/playground/{path}")
    assert (reply.status_code, reply.json()["code"]) == (404, 1007)


async def test_the_page_learns_limits_formats_and_codes_from_the_server(gateway: Gateway) -> None:
    settings = QUICK.model_copy(update={"media": MediaSettings(max_image_mb=3, max_video_s=12)})
    async with gateway(settings=settings) as client:
        facts = (await client.get("/playground/config.json")).json()
    assert facts["limits"]["max_image_mb"] == 3
    assert facts["limits"]["max_video_s"] == 12
    assert facts["codes"].keys() == {str(code.number) for code in CODES}
    assert len(facts["signatures"]) == len(formats.SIGNATURES)
    assert sorted(name for names in facts["formats"].values() for name in names) == sorted(formats.TAKEN)


async def test_the_status_counts_what_happened(client: httpx.AsyncClient) -> None:
    before = (await client.get("/playground/status")).json()
    await client.post("/infer", json={"task": "captioning", "images": [square()]})
    after = (await client.get("/playground/status")).json()
    assert after["requests"] == before["requests"] + 1
    assert after["clock"] > before["clock"]
    assert after["queue_depth"] == {"interactive": 0, "batch": 0, "video": 0}
    assert after["ready"] is True
    assert after["cache"] == {"hits": 0, "lookups": 0}


async def test_it_can_be_switched_off(gateway: Gateway) -> None:
    settings = Settings(**QUICK.model_dump(exclude={"server"}), server=ServerSettings(playground=False))
    async with gateway(settings=settings) as client:
        for path in ("/", "/playground/config.json", "/playground/status", "/playground/icon.svg"):
            assert (await client.get(path)).status_code == 404
