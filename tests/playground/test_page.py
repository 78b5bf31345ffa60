"""The page in a browser, on scripted models: what goes in, what goes wrong, and how it looks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from tests.playground.axe import violations
from tests.playground.code import run_its_code
from tests.playground.conftest import EXAMPLES, Open, answered, ask
from tests.servers import RunningServer

pytestmark = pytest.mark.browser

QUESTION = "What color is the circle?"
PHONE = {"width": 360, "height": 780}
DESKTOP = {"width": 1280, "height": 860}
SHAPES = (EXAMPLES / "shapes.png").read_bytes()


def file(name: str, data: bytes, kind: str = "application/octet-stream") -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": data}


async def give(page: Page, how: str, name: str = "shapes.png", data: bytes = SHAPES) -> None:
    """Drops a file on the page, or pastes it."""
    await page.evaluate(
        """([how, name, text]) => {
            const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
            const files = new DataTransfer();
            files.items.add(new File([bytes], name, {type: "image/png"}));
            const event = how === "drop"
                ? new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true})
                : new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true});
            document.querySelector("#zone").dispatchEvent(event);
        }""",
        [how, name, base64.b64encode(data).decode()],
    )


@pytest.mark.parametrize("how", ["drop", "paste"])
async def test_pictures_come_by_drop_and_by_paste(
    scripted_server: RunningServer, open_page: Open, how: str
) -> None:
    page = await open_page(scripted_server)
    await give(page, how)
    await page.locator("#shelf img").wait_for()
    await page.fill("#question", QUESTION)
    await page.keyboard.press("Control+Enter")
    assert f"I was sent 1 images, 0 videos and: {QUESTION}" in await answered(page)


async def test_phones_offer_the_camera(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server, viewport=PHONE, has_touch=True, is_mobile=True)
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Take a photo").click()
    photo = await chooser.value
    assert await photo.element.get_attribute("capture") == "environment"
    await photo.set_files(EXAMPLES / "shapes.png")
    await page.locator("#shelf img").wait_for()


async def test_pictures_are_put_in_order_and_removed(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.set_input_files(
        "#files", [EXAMPLES / name for name in ("two-a.png", "two-b.png", "chart.png")]
    )
    names = page.locator("#shelf .name")
    await names.nth(2).wait_for()
    await page.get_by_role("button", name="Move two-a.png back").click()
    assert await names.all_inner_texts() == ["two-b.png", "two-a.png", "chart.png"]
    await page.locator("#shelf li").nth(2).drag_to(page.locator("#shelf li").nth(0))
    assert await names.all_inner_texts() == ["chart.png", "two-b.png", "two-a.png"]
    await page.get_by_role("button", name="Remove two-b.png").click()
    assert await names.all_inner_texts() == ["chart.png", "two-a.png"]
    assert await page.evaluate("document.activeElement.closest('#shelf') !== null")


HEIC = b"\0\0\0\x18ftypheic" + bytes(64)


@pytest.mark.parametrize(
    ("task", "sent", "code", "says"),
    [
        ("vqa", file("photo.heic", HEIC), 1001, "photo.heic is a HEIC. Convert it to JPEG, PNG or WebP."),
        ("vqa", file("notes.txt", b"hello"), 1001, "notes.txt is of no known format."),
        ("vqa", file("clip.avi", b"RIFF....AVI ", "video/x-msvideo"), 1004, "Convert it to MP4"),
        ("vqa", file("large.png", SHAPES + bytes(10_000_001)), 1003, "large.png is larger than 10 MB."),
        ("vqa", EXAMPLES / "report.pdf", 1000, "is a PDF, and this task reads none."),
        ("captioning", EXAMPLES / "motion.mp4", 1000, "This task takes no clips."),
    ],
)
async def test_files_are_refused_before_they_are_sent_with_the_servers_own_codes(
    scripted_server: RunningServer, open_page: Open, task: str, sent: Any, code: int, says: str
) -> None:
    page = await open_page(scripted_server)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await ask(page, task, sent, text=QUESTION)
    problem = page.locator(".problem").first
    assert says in await problem.inner_text()
    assert (await problem.inner_text()).startswith(str(code))
    assert not [url for url in asked if "/infer" in url]
    named = {
        "images": (sent.name, sent.read_bytes()) if isinstance(sent, Path) else (sent["name"], sent["buffer"])
    }
    if code in (1001, 1003) or (task == "vqa" and code == 1000):
        async with httpx.AsyncClient(base_url=scripted_server.url) as client:
            reply = await client.post("/infer", data={"task": task, "text": QUESTION}, files=named)
        assert reply.json()["code"] == code


async def test_a_pdf_leads_to_the_task_that_reads_it(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "report.pdf")
    await page.get_by_role("button", name="Use “Document”").click()
    assert await page.locator(".problem").count() == 0
    await page.click("#ask")
    await answered(page)
    assert await page.locator(".pages details").count() == 3


async def test_what_is_missing_is_named(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.click("#ask")
    assert "needs a picture" in await page.locator("#problems").inner_text()
    assert "needs a question" in await page.locator("#problems").inner_text()
    assert await page.evaluate("document.activeElement.id") == "question"


@pytest.mark.parametrize("by", ["button", "escape"])
async def test_an_answer_is_stopped_and_the_engine_with_it(
    scripted_server: RunningServer, open_page: Open, by: str
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "shapes.png", text=QUESTION, model="slow")
    await page.locator(".token").nth(3).wait_for()
    assert await violations(page) == []
    await (page.keyboard.press("Escape") if by == "escape" else page.click(".halt"))
    await page.locator('.run[data-state="stopped"]').wait_for()
    assert "Stopped by you." in await page.locator(".run").inner_text()
    await page.wait_for_function(
        "fetch('playground/status').then((r) => r.json()).then((s) => s.running === 0)"
    )


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"text": "forbidden"}, "3001 · content"),
        ({"text": QUESTION, "model": "broken"}, "2001 · overloaded"),
    ],
)
async def test_a_refusal_shows_code_words_and_request_id(
    scripted_server: RunningServer, open_page: Open, asked: dict[str, str], says: str
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "shapes.png", **asked)
    fault = page.locator('.run[data-state="failed"]')
    assert says in await fault.inner_text()
    assert "req_" in await fault.inner_text()
    assert await violations(page) == []
    await fault.get_by_role("button", name="Try again").click()
    await fault.wait_for()


async def test_what_an_answer_cost_stands_among_its_facts(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    async with page.expect_response("**/infer_stream") as asked:
        await ask(page, "vqa", "shapes.png", text=QUESTION, model="describe")
    await answered(page)
    final = (await (await asked.value).text()).rpartition("data: ")[2]
    cost = json.loads(final)["metadata"]["cost"]
    assert cost["amount"] > 0
    shown = page.locator(".facts div", has=page.get_by_text("Cost", exact=True)).locator("dd")
    assert await shown.inner_text() == f"{cost['amount']:g} USD"


async def test_thoughts_are_seen_as_they_come_and_folded_away_for_the_answer(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "shapes.png", text=QUESTION, model="think")
    thoughts = page.locator(".thoughts p")
    await thoughts.wait_for()
    assert (await thoughts.inner_text()).startswith("Two")
    assert "Four." in await answered(page)
    assert not await thoughts.is_visible()
    assert await violations(page) == []
    await page.click(".thoughts summary")
    assert await thoughts.inner_text() == "Two and two are four."


async def test_questions_are_suggested_while_none_is_typed(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await page.get_by_role("button", name=QUESTION, exact=True).click()
    assert await page.input_value("#question") == QUESTION
    assert not await page.locator("#suggestions").is_visible()
    await page.fill("#question", "")
    assert await page.locator("#suggestions").is_visible()


async def test_an_answer_of_a_smaller_model_says_so(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "shapes.png", text=QUESTION, model="tired")
    assert "a smaller one has answered" in await answered(page)
    assert "describe" in await page.locator(".facts").inner_text()


async def test_a_server_that_is_gone_is_named(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.route("**/infer_stream", lambda route: route.abort())
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    assert "cannot be reached" in await page.locator('.run[data-state="failed"]').inner_text()


async def test_a_refusal_in_chinese_says_what_to_do_in_chinese(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server, locale="zh-CN")
    await ask(page, "vqa", "shapes.png", text="forbidden")
    assert "内容不被允许" in await page.locator('.run[data-state="failed"]').inner_text()


async def test_boxes_lie_over_the_picture_in_its_own_pixels(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "grounding", "shapes.png", model="boxes")
    assert "16, 26 – 80, 128" in await answered(page)
    assert await page.locator(".places svg").get_attribute("viewBox") == "0 0 160 128"
    picture = await page.locator(".places img").bounding_box()
    box = await page.locator(".places rect.halo").bounding_box()
    assert picture
    assert box
    assert abs((box["x"] - picture["x"]) / picture["width"] - 0.1) < 0.02
    assert abs((box["y"] + box["height"] - picture["y"]) / picture["height"] - 1) < 0.02


async def test_the_next_click_is_a_point_on_the_screenshot(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "gui_action", "shapes.png", text="Open it.", model="click")
    said = await answered(page)
    assert "click · Opens it." in said
    assert "40, 64" in said


async def test_a_line_chart_has_its_series_and_a_table(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "chart_parse", "chart.png", model="chart")
    await answered(page)
    assert await page.locator("svg.chart polyline").count() == 2
    await page.get_by_text("As a table").click()
    assert await page.locator("td").all_inner_texts() == ["12", "20", "42", "–"]


async def test_a_clip_has_its_moments_on_a_line_of_time(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "video_qa", "motion.mp4", model="moments")
    await answered(page)
    assert await page.locator(".film .tick").count() == 4
    await page.get_by_role("button", name="Go to 1.5 s").click()
    await page.wait_for_function("document.querySelector('.film video').currentTime === 1.5")
    assert "video" in await page.locator(".facts").inner_text()


async def test_code_is_shown_and_never_run(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await ask(page, "html", "page.png", model="page")
    await answered(page)
    assert await page.locator(".pane pre").first.inner_text() == "<h1>Hello</h1>\n"
    assert await page.locator("h1").count() == 1


async def test_two_models_answer_side_by_side(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.select_option("#compare", "models")
    await page.select_option("#model-b", "moments")
    await ask(page, "vqa", "shapes.png", text=QUESTION, model="describe")
    assert "I was sent 1 images" in await answered(page, 0)
    assert "It moves at 0.5 seconds" in await answered(page, 1)


async def test_two_questions_are_asked_side_by_side(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.select_option("#compare", "questions")
    await page.fill("#question-b", "And the star?")
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    assert QUESTION in await answered(page, 0)
    assert "And the star?" in await answered(page, 1)
    assert await violations(page) == []


async def test_parameters_reach_the_server(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.click("#parameters summary")
    await page.get_by_label("Longest answer (tokens)").fill("3")
    await page.get_by_label("Stream the answer").uncheck()
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    said = await answered(page)
    assert "breaks off" in said
    assert "3 out" in said


async def test_the_code_it_shows_runs_with_every_option(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await page.click("#parameters summary")
    for name, value in (("Temperature", "0.5"), ("Top p", "0.9"), ("Seed", "7"), ("Role", "You're brief.")):
        await page.get_by_label(name, exact=True).fill(value)
    for name in ("anew", "Refuse", "Cut", "Mask"):
        await page.get_by_label(name).check()
    await page.get_by_label("Clean up scans").select_option("auto")
    await ask(page, "vqa", "two-a.png", "two-b.png", text='@What\'s "this"; $HOME?')
    await answered(page)
    await run_its_code(page)


async def test_history_stays_in_the_browser_and_can_be_cleared(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    await answered(page)
    kept = await page.evaluate("localStorage.getItem('history')")
    assert QUESTION in kept
    assert len(kept) < 12_000
    await page.reload()
    await page.click("#open-history")
    assert QUESTION in await page.locator("#past").inner_text()
    assert await violations(page) == []
    await page.get_by_role("button", name="Ask again").click()
    assert await page.input_value("#question") == QUESTION
    await page.click("#open-history")
    await page.click("#history-clear")
    assert await page.evaluate("localStorage.getItem('history')") is None


async def test_the_key_is_sent_and_kept_for_the_tab_alone(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await page.click("#open-key")
    assert await violations(page) == []
    await page.fill("#key", "sk-test")
    await page.keyboard.press("Enter")
    async with page.expect_request("**/infer_stream") as sent:
        await ask(page, "vqa", "shapes.png", text=QUESTION)
    assert (await (await sent.value).all_headers())["authorization"] == "Bearer sk-test"
    assert await page.evaluate("sessionStorage.getItem('key')") == "sk-test"
    assert "sk-test" not in await page.evaluate("JSON.stringify(localStorage)")
    await answered(page)
    await page.click(".snippets summary")
    code = await page.locator(".snippets pre").inner_text()
    assert "sk-test" not in code
    assert "$QWEN_VL_API_KEY" in code


async def test_a_refused_key_asks_for_another(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    refusal = {
        "request_id": "req_1",
        "code": 4001,
        "msg": "The key is not valid. (code 4001)",
        "result": None,
    }
    await page.route("**/infer_stream", lambda route: route.fulfill(status=401, json=refusal))
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    await page.get_by_role("button", name="Enter an API key").click()
    assert await page.locator("#key-dialog").is_visible()


async def test_the_strip_is_there_for_those_who_may_see_it(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    await page.locator("#strip").wait_for()
    assert "requests/s" in await page.locator("#strip").inner_text()
    await page.route("**/playground/status", lambda route: route.fulfill(status=403, json={}))
    await page.locator("#strip").wait_for(state="hidden")
    assert await page.locator("#readiness").inner_text() == "Ready"


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_it_is_accessible_in_every_form(
    scripted_server: RunningServer, open_page: Open, size: Any, scheme: Any, locale: str
) -> None:
    page = await open_page(scripted_server, viewport=size, color_scheme=scheme, locale=locale)
    await page.locator("#strip").wait_for()
    await page.click("#parameters summary")
    assert await violations(page) == []
    await ask(page, "chart_parse", "chart.png", model="chart")
    await answered(page)
    await page.click(".snippets summary")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_language_and_theme_are_switched_and_remembered(
    scripted_server: RunningServer, open_page: Open
) -> None:
    page = await open_page(scripted_server)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = await page.evaluate(ground)
    await ask(page, "vqa", "shapes.png", text=QUESTION)
    await answered(page)
    await page.click("#language")
    assert await page.locator("h1").inner_text() == "对图片提问"
    assert "置信度" in await page.locator(".facts").inner_text()
    for _ in range(2):
        await page.click("#theme")
    assert await page.evaluate(ground) != light
    await page.reload()
    await page.locator("#tasks input").first.wait_for(state="attached")
    assert await page.locator("html").get_attribute("lang") == "zh"
    assert await page.evaluate(ground) != light
    assert await page.title() == "体验台 · qwen-vl-gateway"


async def test_it_is_used_with_the_keyboard_alone(scripted_server: RunningServer, open_page: Open) -> None:
    page = await open_page(scripted_server)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    assert await page.locator("#tasks input:checked").get_attribute("value") == "captioning"
    await page.set_input_files("#files", EXAMPLES / "shapes.png")
    await page.locator("#shelf li").wait_for()
    await page.focus("#ask")
    await page.keyboard.press("Enter")
    await answered(page)
