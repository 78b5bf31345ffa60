"""Runs the code that the page shows, as its reader would."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys

from playwright.async_api import Page

from tests.playground.conftest import EXAMPLES


async def run_its_code(page: Page) -> None:
    """Every language beside the files: each must give the answer that stands on the page."""
    await page.click(".snippets summary")
    commands = {"curl": ["bash", "-c"], "Python": [sys.executable, "-c"]}
    if node := shutil.which("node"):
        commands["Node"] = [node, "--input-type=module", "-e"]
    for name, command in commands.items():
        await page.get_by_role("tab", name=name).click()
        code = await page.locator(".snippets pre").inner_text()
        await page.locator(".copy-row button").click()
        assert await page.evaluate("navigator.clipboard.readText()") == code
        done = await asyncio.to_thread(
            subprocess.run,
            [*command, code],
            cwd=EXAMPLES,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said = await page.locator(".said-text").inner_text()
        in_json = json.dumps(said, ensure_ascii=False)[1:-1]
        assert said in done.stdout or in_json in done.stdout, (name, done.stdout)
