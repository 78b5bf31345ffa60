"""A real browser, and a scripted server whose models answer in every way that the page shows."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.servers import ROOT, RunningServer, serving

Open = Callable[..., Awaitable[Page]]

EXAMPLES = ROOT / "examples"
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 30_000

CHART = (
    '{"type":"line","title":"Sales","axes":{"x":"Quarter","y":"Units"},"series":['
    '{"name":"North","points":[{"label":"Q1","value":12},{"label":"Q2","value":42}]},'
    '{"name":"South","points":[{"label":"Q1","value":20},{"label":"Q2","value":null}]}],'
    '"summary":"Q2 leads."}'
)
BOXES = '{"objects":[{"bbox_2d":[100,200,500,1000],"label":"circle"}]}'
CLICK = '{"action":"click","point_2d":[250,500],"text":null,"direction":null,"reason":"Opens it."}'
CONFIG = f"""
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false, terms: [forbidden]}}
accounts: {{prices: {{describe: {{input: 1000, output: 2000}}}}}}
models:
  describe: {{engine: {{kind: scripted}}, aliases: [other]}}
  slow: {{engine: {{kind: scripted, token_delay_ms: 100, answer: '{"word " * 500}'}}}}
  think: {{engine: {{kind: scripted, token_delay_ms: 100, answer: Four., reasoning: Two and two are four.}}}}
  chart: {{engine: {{kind: scripted, answer: '{CHART}'}}}}
  boxes: {{engine: {{kind: scripted, answer: '{BOXES}'}}}}
  click: {{engine: {{kind: scripted, answer: '{CLICK}'}}}}
  page: {{engine: {{kind: scripted, answer: "```html\\n<h1>Hello</h1>\\n```"}}}}
  moments: {{engine: {{kind: scripted, answer: "It moves at 0.5 seconds and stops at 1.5 s."}}}}
  tired:
    engine: {{kind: remote, base_url: "http://127.0.0.1:9/v1", model: none, retries: 0}}
    fallback: describe
  broken: {{engine: {{kind: remote, base_url: "http://127.0.0.1:9/v1", model: none, retries: 0}}}}
"""


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("playground"), CONFIG) as server:
        yield server


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium, or the one that Playwright brought."""
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def _opener(browser: Browser) -> AsyncIterator[Open]:
    contexts = []
    complaints: list[str] = []

    async def open_page(server: RunningServer, **options: Any) -> Page:
        """The playground of a server, its tasks loaded, in a profile of its own."""
        context = await browser.new_context(**{"locale": "en-GB", "color_scheme": "light"} | options)
        contexts.append(context)
        context.set_default_timeout(_PATIENCE_MS)
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: _note(line.text, complaints))
        await page.goto(server.url)
        await page.locator("#tasks input").first.wait_for(state="attached")
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


def _note(line: str, complaints: list[str]) -> None:
    """What the browser holds against the page itself: broken rules of its policy, and the like."""
    if "Content Security Policy" in line or "TypeError" in line or "Trusted" in line:
        complaints.append(line)


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    async with _opener(browser) as opener:
        yield opener


async def ask(page: Page, task: str, *files: str | Path | dict[str, Any], **asked: str) -> None:
    """Fill in the form and send it. `files` are names among the examples, paths, or payloads."""
    await page.check(f"#tasks input[value={task}]")
    chosen = [EXAMPLES / file if isinstance(file, str) else file for file in files]
    if chosen:
        await page.set_input_files("#files", chosen)  # type: ignore[arg-type]
        await page.locator("#shelf li").nth(len(chosen) - 1).wait_for()
    if "model" in asked:
        await page.select_option("#model", asked["model"])
    await page.fill("#question", asked.get("text", ""))
    await page.click("#ask")


async def answered(page: Page, number: int = 0) -> str:
    """What the run shows once it is complete."""
    run = page.locator(".run").nth(number)
    await page.locator('.run[data-state="done"]').nth(number).wait_for()
    return await run.inner_text()
