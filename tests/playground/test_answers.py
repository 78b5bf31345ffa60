"""Each task from the drop to its true answer, by the real engine with the demo checkpoint."""

from __future__ import annotations

import pytest

from tests.playground.axe import violations
from tests.playground.code import run_its_code
from tests.playground.conftest import Open, answered, ask
from tests.servers import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.engine]

QUESTION = "What color is the circle?"


@pytest.mark.parametrize(
    ("locale", "task", "says"),
    [
        ("en-GB", "vqa", "red"),
        ("en-GB", "chart_parse", "C is highest with 42."),
        ("en-GB", "doc_analyze", "TOTAL 4821"),
        ("en-GB", "video_qa", "right"),
        ("zh-CN", "vqa", "红色"),
        ("zh-CN", "chart_parse", "C最高，为42。"),
        ("zh-CN", "doc_analyze", "TOTAL 4821"),
        ("zh-CN", "video_qa", "向右"),
    ],
)
async def test_one_click_on_an_example_gives_its_true_answer(
    server: RunningServer, open_page: Open, locale: str, task: str, says: str
) -> None:
    page = await open_page(server, locale=locale)
    await page.click(f".card[data-start={task}]")
    assert says in await answered(page)
    assert await violations(page) == []


async def test_a_caption_names_what_is_there(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    await ask(page, "captioning", "shapes.png")
    assert "The image shows a red circle and a blue star." in await answered(page)


async def test_printed_text_is_read(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    await ask(page, "ocr", "page.png")
    assert "TOTAL 4821" in await answered(page)


async def test_two_pictures_are_compared(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    await ask(page, "vqa", "two-a.png", "two-b.png", text="Which image has more shapes?")
    assert "second" in await answered(page)


async def test_a_document_comes_page_by_page(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    await ask(page, "doc_analyze", "report.pdf")
    said = await answered(page)
    assert "INVOICE 207 (page 1)" in said
    assert await page.locator(".pages details").count() == 3


async def test_a_chart_is_drawn_beside_the_original(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    await ask(page, "chart_parse", "chart.png")
    await answered(page)
    drawn = page.locator("svg.chart")
    assert await drawn.get_attribute("aria-label") == "bar chart: A 12, B 27, C 42, D 18"
    heights = await drawn.locator("rect").evaluate_all(
        "(bars) => bars.map((bar) => bar.height.baseVal.value)"
    )
    assert heights.index(max(heights)) == 2
    await page.get_by_role("tab", name="Data").click()
    assert "summary:" in await page.locator(".tree").inner_text()


async def test_it_says_what_happened(server: RunningServer, open_page: Open) -> None:
    page = await open_page(server)
    for files, expected in ((["shapes.png"], "miss"), ([], "hit")):
        await ask(page, "vqa", *files, text="How many shapes are there?")
        await answered(page)
        facts = await page.locator(".facts").inner_text()
        assert expected in facts
    for word in (
        "qwen3-vl-30b",
        "in, ",
        "Confidence",
        "First token",
        "Total",
        "interactive",
        "Experts",
        "req_",
    ):
        assert word in facts


@pytest.mark.parametrize("stream", [True, False])
async def test_the_code_it_shows_runs_and_says_the_same(
    server: RunningServer, open_page: Open, stream: bool
) -> None:
    page = await open_page(server)
    await page.click("#parameters summary")
    await page.get_by_label("Temperature").fill("0")
    if not stream:
        await page.get_by_label("Stream the answer").uncheck()
    await ask(page, "vqa", "shapes.png", text=f"{QUESTION} 'Now'")
    await answered(page)
    await run_its_code(page)
