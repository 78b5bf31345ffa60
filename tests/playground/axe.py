"""Accessibility of a page as axe-core judges it."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_STILL = """Promise.allSettled(document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime < Infinity).map((each) => each.finished))"""


async def violations(page: Page) -> list[str]:
    """Every broken rule with the elements that break it. Waits for what comes to rest."""
    await page.evaluate(_STILL)
    found = (await Axe().run(page, options=_RULES)).response["violations"]
    return [f"{rule['id']}: {[node['html'][:200] for node in rule['nodes']]}" for rule in found]
