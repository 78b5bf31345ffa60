"""Boxes, points and code in answers. The scripted engine answers: the demo model knows no grounding."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from engine.types import Medium
from gateway.media.size import upright_size
from tests.conftest import Gateway
from tests.pictures import data_url, square
from tests.scripts import scripted

BOX = '{"objects":[{"bbox_2d":[100,200,500,1000],"label":"circle"}]}'


def picture(size: tuple[int, int], orientation: int = 1) -> str:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", size, "white").save(buffer, "JPEG", exif=exif)
    return data_url(buffer.getvalue(), "image/jpeg")


@pytest.mark.parametrize(
    ("image", "box"),
    [
        (picture((400, 200)), [40, 40, 200, 200]),
        (picture((4000, 1000)), [400, 200, 2000, 1000]),
        (picture((200, 400), orientation=6), [40, 40, 200, 200]),
    ],
    ids=["as it is", "scaled down", "turned"],
)
async def test_boxes_are_in_pixels_of_the_original(gateway: Gateway, image: str, box: list[int]) -> None:
    body = {"task": "grounding", "images": [image], "text": "The circle"}
    async with gateway(scripted(BOX)) as client:
        data = (await client.post("/infer", json=body)).json()["result"]["data"]
    assert data["boxes"] == [{"label": "circle", "box": box}]
    assert data["objects"][0]["bbox_2d"] == [100, 200, 500, 1000]


async def test_a_click_has_its_point(gateway: Gateway) -> None:
    action = '{"action":"click","point_2d":[500,500],"text":null,"direction":null,"reason":"OK"}'
    body = {"task": "gui_action", "images": [picture((400, 200))], "text": "Press OK"}
    async with gateway(scripted(action)) as client:
        data = (await client.post("/infer", json=body)).json()["result"]["data"]
    assert data["points"] == [{"point": [200, 100]}]


async def test_html_comes_bare(gateway: Gateway) -> None:
    body = {"task": "html", "images": [square()]}
    async with gateway(scripted("Here:\n```html\n<p>Hi</p>\n```\n")) as client:
        whole = (await client.post("/infer", json=body)).json()["result"]["data"]
    async with gateway(scripted("```html\n<p>Hi")) as client:
        broken = (await client.post("/infer", json=body)).json()["result"]["data"]
    assert whole == "<p>Hi</p>\n"
    assert broken is None


def test_the_size_of_a_picture_is_told_by_its_header_alone() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((400, 300), 90).save(buffer, "PNG")
    begun = Medium("image", "image/png", data=buffer.getvalue()[:200])
    assert upright_size(begun) == (400, 300)
