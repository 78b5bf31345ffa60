"""Pictures that come again need not be decoded again."""

from __future__ import annotations

import pytest

from engine.types import Medium, MediumOptions
from gateway.errors import GatewayError
from gateway.media.base import MediaReader
from gateway.settings import MediaSettings, Settings
from tests.media.samples import data_url, encoded, noise, picture


def reader(**media: float) -> MediaReader:
    return MediaReader(Settings(media=MediaSettings(**media)))


async def seen(reader: MediaReader, *sources: str, **options: object) -> list[Medium]:
    media = [Medium("image", source, MediumOptions(**options)) for source in sources]  # type: ignore[arg-type]
    await reader.read(media, "tenant")
    await reader.prepare(media)
    return media


async def test_a_picture_is_decoded_once_for_all_questions_about_it() -> None:
    source, own = data_url(encoded(form="JPEG")), reader()
    (first,), (again,) = await seen(own, source), await seen(own, source)
    assert again.frames[0] is first.frames[0]
    assert (again.digest, again.as_sent) == (first.digest, "image/jpeg")
    await own.aclose()


async def test_one_that_is_prepared_in_another_way_is_another_one() -> None:
    source, own = data_url(encoded()), reader()
    (first,), (again,) = await seen(own, source), await seen(own, source, redact=((0, 0, 9, 9),))
    assert first.frames[0].getpixel((0, 0)) != again.frames[0].getpixel((0, 0)) == (0, 0, 0)
    await own.aclose()


async def test_the_least_used_make_room() -> None:
    one, two, three = (data_url(encoded(noise((100, 100), seed))) for seed in range(3))
    own = reader(recent_mb=0.07)  # of 0.03 MB each
    (first,), (second,) = await seen(own, one), await seen(own, two)
    await seen(own, one)
    await seen(own, three)
    assert (await seen(own, one))[0].frames[0] is first.frames[0]
    assert (await seen(own, two))[0].frames[0] is not second.frames[0]
    await own.aclose()


async def test_none_are_kept_where_there_is_no_room() -> None:
    source, own = data_url(encoded()), reader(recent_mb=0)
    (first,), (again,) = await seen(own, source), await seen(own, source)
    assert again.frames[0] is not first.frames[0]
    await own.aclose()


async def test_well_known_pictures_together_are_no_smaller_than_others() -> None:
    sources = [data_url(encoded(picture((1000, 1000), colour))) for colour in ("red", "blue", "green")]
    own = reader(max_request_pixels_m=2.5)
    for source in sources:
        await seen(own, source)
    with pytest.raises(GatewayError, match="million pixels"):
        await seen(own, *sources)
    await own.aclose()
