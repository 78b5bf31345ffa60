"""Scanned pages: the model says where charts and tables are, and each is read by itself.

The demo model cannot say where things are, so the scripted engine stands in for one that can: these tests are
about what is asked, cut out and put together, not about how well a model sees.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from engine.config import ScriptedConfig
from engine.errors import GenerationFailed
from engine.scripted import ScriptedEngine
from engine.types import ChatChunk, ChatRequest
from gateway.client import AsyncQwenVLClient
from gateway.reports import Report, read_report
from tests.conftest import Gateway
from tests.reports.papers import A4, Paper
from tests.scripts import scripted

pytestmark = pytest.mark.anyio

CHART, TABLE = (100, 150, 900, 450), (100, 550, 900, 850)
"""On the model's scale of 0 to 1000."""
BLUE, GREEN = (40, 80, 200), (40, 160, 60)


class Reader(ScriptedEngine):
    """Says where things are when it is asked that, and else what the picture's middle looks like."""

    def __init__(self, places: list[dict[str, Any]]) -> None:
        super().__init__("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
        self._places = scripted(json.dumps({"objects": places}))
        self._charts = {BLUE: scripted(chart("bar", "Sales")), GREEN: scripted(chart("table", "Costs"))}
        self.asked: list[str] = []

    async def load(self) -> None:
        for engine in (super(), self._places, *self._charts.values()):
            await engine.load()

    async def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        picture = request.media[0].frames[0]
        engine = self._places
        if "locate" in str(request.messages[0].content):
            self.asked.append("where")
        else:
            middle = picture.getpixel((picture.width // 2, picture.height // 2))
            name = min(self._charts, key=lambda colour: abs(colour[2] - middle[2]))
            self.asked.append(f"{picture.width}x{picture.height}")
            engine = self._charts[name]
        async for chunk in engine.generate(request):
            yield chunk


def chart(kind: str, title: str) -> str:
    points = [{"label": "A", "value": 4}]
    data = {"type": kind, "title": title, "axes": {"x": None, "y": None}, "summary": ""}
    return json.dumps(data | {"series": [{"name": None, "points": points}]})


def scanned(folder: Path) -> Path:
    """A page with a chart and a table that is one picture, behind a page of words."""
    sheet = Image.new("RGB", (1190, 1684), "white")
    draw = ImageDraw.Draw(sheet)
    for (left, top, right, bottom), colour in ((CHART, BLUE), (TABLE, GREEN)):
        draw.rectangle((left * 1.19, top * 1.684, right * 1.19, bottom * 1.684), fill=colour)
    paper = Paper()
    paper.words("Only words.", 60, 400)
    paper.turn_to_new_page()
    paper.picture(0, 0, *A4, sheet)
    return paper.save(folder / "scan.pdf")


async def read(gateway: Gateway, engine: ScriptedEngine, path: Path, **how: Any) -> Report:
    async with (
        gateway(engine) as http,
        AsyncQwenVLClient("http://gateway", http_client=http, tries=1) as client,
    ):
        return await read_report(path, client, **how)


async def test_the_chart_and_the_table_of_a_scan_are_found_cut_out_and_read(
    gateway: Gateway, tmp_path: Path
) -> None:
    places = [{"bbox_2d": list(TABLE), "label": "table"}, {"bbox_2d": list(CHART), "label": "chart"}]
    engine = Reader(places)
    report = await read(gateway, engine, scanned(tmp_path))
    assert engine.asked[0] == "where"
    assert len(engine.asked) == 3
    assert [(f.title, f.type, f.page) for f in report.figures] == [("Sales", "bar", 2), ("Costs", "table", 2)]
    assert report.figures[0].box == pytest.approx((59.5, 126.3, 535.5, 378.9), abs=2)
    assert [(p.label, p.value, p.page) for p in report.series[1].points] == [("A", 4, 2)]
    assert report.failures == []


async def test_what_is_cut_out_is_drawn_finer_than_the_page_was(gateway: Gateway, tmp_path: Path) -> None:
    engine = Reader([{"bbox_2d": [400, 400, 600, 500], "label": "chart"}])
    await read(gateway, engine, scanned(tmp_path))
    assert int(engine.asked[1].partition("x")[0]) > 400  # a fifth of 724 pixels of the whole page


async def test_a_scan_on_which_nothing_is_found_has_no_figures(gateway: Gateway, tmp_path: Path) -> None:
    report = await read(gateway, Reader([]), scanned(tmp_path))
    assert (report.pages, report.figures, report.failures) == (2, [], [])


async def test_a_scan_is_read_whole_where_that_is_asked_for(gateway: Gateway, tmp_path: Path) -> None:
    engine = Reader([])
    report = await read(gateway, engine, scanned(tmp_path), whole_scans=True)
    assert "where" not in engine.asked
    assert [figure.page for figure in report.figures] == [2]


async def test_a_page_that_cannot_be_looked_at_is_told(gateway: Gateway, tmp_path: Path) -> None:
    engine = scripted("{}")
    engine.fail_with = GenerationFailed("broken")
    report = await read(gateway, engine, scanned(tmp_path))
    (failure,) = report.failures
    assert failure.page == 2
    assert failure.why.startswith("charts could not be looked for")
