"""Where charts are found on pages."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from PIL import Image

from gateway.reports import ReportError
from gateway.reports.boxes import Text, apart, caption
from gateway.reports.pages import find_regions
from tests.reports.papers import A4, Paper


def test_bars_are_one_region_with_their_labels_and_the_title_as_caption(tmp_path: Path) -> None:
    paper = Paper()
    paper.box(0, 0, *A4)  # the ground
    paper.words("Words that stand far from any chart.", 60, 60)
    paper.bars(60, 200, "Sales, million")
    pages, (region,), _ = find_regions(paper.save(tmp_path / "a.pdf"))
    assert (pages, region.page, region.caption) == (1, 1, "Sales, million")
    assert region.box[:3] == pytest.approx((60, 200, 180), abs=1)
    assert 110 < region.box[3] - 200 < 120  # down to the labels
    picture = Image.open(io.BytesIO(region.png))
    assert 400 < max(picture.size) <= 1024
    assert picture.convert("RGB").getpixel((4 * 4 + 15 * 4, picture.height // 2)) == (60, 110, 200)


def test_pictures_and_drawings_come_in_reading_order_over_all_pages(tmp_path: Path) -> None:
    paper = Paper()
    paper.bars(320, 100)
    paper.picture(60, 100, 200, 220)
    paper.bars(60, 400)
    paper.turn_to_new_page()
    paper.picture(60, 60, 260, 160)
    _, found, _ = find_regions(paper.save(tmp_path / "a.pdf"))
    assert [(region.page, round(region.box[0])) for region in found] == [(1, 60), (1, 320), (1, 60), (2, 60)]


def test_small_pictures_lone_boxes_and_rules_are_no_regions(tmp_path: Path) -> None:
    paper = Paper()
    paper.picture(60, 60, 90, 90)  # a logo
    paper.box(60, 200, 500, 300)  # a banner
    paper.box(60, 500, 500, 501)  # a rule
    paper.words("Only words.", 60, 400)
    assert find_regions(paper.save(tmp_path / "a.pdf")) == (1, [], [])


def test_a_scanned_page_is_one_region_that_says_so(tmp_path: Path) -> None:
    paper = Paper()
    paper.picture(0, 0, *A4)
    paper.turn_to_new_page()
    paper.picture(60, 100, 200, 300)
    _, (page, picture), _ = find_regions(paper.save(tmp_path / "a.pdf"))
    assert page.box == pytest.approx((0, 0, *A4), abs=0.1)
    assert (page.scan, picture.scan) == (True, False)


def test_of_boxes_in_one_another_the_large_one_is_left() -> None:
    chart, legend, beside, small = (
        (100, 100, 300, 300),
        (220, 110, 305, 180),
        (310, 100, 500, 300),
        (0, 0, 40, 40),
    )
    assert apart([legend, beside, small, chart]) == [chart, beside]


def test_a_turned_page_is_seen_as_it_is_shown(tmp_path: Path) -> None:
    paper = Paper()
    paper.picture(60, 100, 200, 300)
    paper.turn(90)
    _, (region,), _ = find_regions(paper.save(tmp_path / "a.pdf"))
    assert region.box == pytest.approx((A4[1] - 300, 60, A4[1] - 100, 200), abs=0.1)
    picture = Image.open(io.BytesIO(region.png)).convert("RGB")
    assert picture.width > picture.height
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == (200, 60, 60)


def test_runs_of_one_line_make_one_caption() -> None:
    runs = [
        Text((60, 100, 80, 110), "Sta"),
        Text((80.5, 100, 90, 110), "ff"),
        Text((94, 100, 120, 110), "by year"),
        Text((300, 100, 340, 110), "Margin"),
    ]
    assert caption((60, 120, 200, 220), runs) == "Staff by year"
    assert caption((300, 120, 400, 220), runs) == "Margin"
    assert caption((60, 400, 200, 500), runs) == ""


def test_what_is_no_pdf_is_said_in_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 and no more")
    with pytest.raises(ReportError, match="not a readable PDF"):
        find_regions(broken)
    with pytest.raises(ReportError, match=r"gone\.pdf: No such file"):
        find_regions(tmp_path / "gone.pdf")


def test_a_chart_inside_a_form_is_found_where_the_form_puts_it(tmp_path: Path) -> None:
    inner, outer = Paper(), Paper()
    inner.bars(60, 200)
    outer.page_of(inner.save(tmp_path / "inner.pdf"), scale=0.5, right=100, up=300)
    _, (region,), _ = find_regions(outer.save(tmp_path / "outer.pdf"))
    top = A4[1] - 300 - (A4[1] - 200) / 2
    assert region.box[:3] == pytest.approx((130, top, 190), abs=1)


def test_a_broken_page_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    paper = Paper()
    paper.bars(60, 100)
    paper.turn_to_new_page()
    paper.bars(60, 100)
    whole = paper.save(tmp_path / "a.pdf").read_bytes()
    torn = re.sub(rb"/Type ?/Page\b(?!s)", lambda found: found[0].replace(b"Page", b"Cage"), whole, count=1)
    assert torn != whole
    (tmp_path / "torn.pdf").write_bytes(torn)
    pages, found, failures = find_regions(tmp_path / "torn.pdf")
    assert (pages, len(found), [failure.page for failure in failures]) == (2, 1, [1])
