"""What the model sees of an image, whatever the file was like."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from engine.types import Box, Medium, MediumOptions
from gateway.errors import IMAGE_FORMAT, INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.media import image
from gateway.settings import MediaSettings
from tests.media.samples import bomb, encoded, noise, picture

SETTINGS = MediaSettings()


def seen(data: bytes, settings: MediaSettings = SETTINGS, **options: object) -> Image.Image:
    medium = Medium("image", "", MediumOptions(**options), data=data)  # type: ignore[arg-type]
    image.prepare(medium, settings)
    return medium.frames[0]


def as_sent(data: bytes, settings: MediaSettings = SETTINGS, **options: object) -> str | None:
    medium = Medium("image", "", MediumOptions(**options), data=data)  # type: ignore[arg-type]
    image.prepare(medium, settings)
    return medium.as_sent


def corner_marked(size: tuple[int, int] = (80, 40)) -> Image.Image:
    """Blue, with a red left upper corner."""
    marked = Image.new("RGB", size, "blue")
    ImageDraw.Draw(marked).rectangle((0, 0, 19, 9), fill="red")
    return marked


def near(pixel: object, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 30 for a, b in zip(pixel, colour, strict=True))  # type: ignore[call-overload]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(form: str, orientation: int) -> None:
    upright = corner_marked()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that the orientation takes back
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = seen(encoded(stored, form, exif=exif))
    assert got.size == upright.size
    assert near(got.getpixel((4, 4)), (255, 0, 0))
    assert near(got.getpixel((70, 30)), (0, 0, 255))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "I;16", "RGB"])
def test_every_mode_of_a_png_becomes_rgb_on_white(mode: str) -> None:
    if mode == "I;16":
        half = np.full((40, 40), 0x8000, dtype=np.uint16)
        assert near(seen(encoded(Image.fromarray(half))).getpixel((5, 5)), (128, 128, 128))
        return
    source = picture((40, 40), "white", mode)
    if "A" in mode:
        source.putalpha(0)
    got = seen(encoded(source))
    assert got.mode == "RGB"
    assert near(got.getpixel((20, 20)), (255, 255, 255))


def test_transparent_palette_and_webp_pictures_lie_on_white() -> None:
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(1, (20, 0, 40, 40))
    got = seen(encoded(palette, transparency=0))
    assert near(got.getpixel((5, 5)), (255, 255, 255))
    assert near(got.getpixel((30, 5)), (255, 0, 0))
    glass = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert near(seen(encoded(glass, "WEBP", lossless=True)).getpixel((5, 5)), (255, 255, 255))


def test_cmyk_pictures_keep_their_colours() -> None:
    for colour, value in (("white", (255, 255, 255)), ("red", (255, 0, 0)), ("black", (0, 0, 0))):
        assert near(
            seen(encoded(Image.new("RGB", (40, 40), colour).convert("CMYK"), "JPEG")).getpixel((9, 9)), value
        )


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_an_animation_the_first_picture_is_seen(form: str) -> None:
    moving = encoded(
        Image.new("RGB", (40, 40), "red"),
        form,
        save_all=True,
        append_images=[Image.new("RGB", (40, 40), "blue")],
        duration=100,
    )
    assert near(seen(moving).getpixel((5, 5)), (255, 0, 0))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((5000, 2500), (2048, 1024)), ((2048, 100), (2048, 100)), ((1, 1), (28, 28)), ((10, 40), (28, 112))],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_brought_to_a_size_that_the_model_takes(
    form: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert seen(encoded(Image.new("RGB", size, "red"), form)).size == expected


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(GatewayError) as refusal:
        seen(bomb())
    assert refusal.value.code is TOO_LARGE


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "PDF", "TGA"])
def test_other_formats_are_refused_with_the_advice_to_convert(form: str) -> None:
    with pytest.raises(GatewayError) as refusal:
        seen(encoded(picture((64, 64)), form))
    assert refusal.value.code is IMAGE_FORMAT
    assert "Convert" in refusal.value.message


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_is_cut_off_is_refused(form: str) -> None:
    whole = encoded(noise((200, 200)), form)
    for part in (30, len(whole) // 2, len(whole) - 500):
        with pytest.raises(GatewayError) as refusal:
            seen(whole[:part])
        assert refusal.value.code is IMAGE_FORMAT


def test_a_picture_of_an_impossible_shape_is_refused() -> None:
    with pytest.raises(GatewayError, match="200 times"):
        seen(encoded(Image.new("RGB", (2100, 10))))


def test_the_digest_tells_pictures_apart_and_knows_the_same_one_again() -> None:
    def name(data: bytes, **options: object) -> str | None:
        medium = Medium("image", "", MediumOptions(**options), data=data)  # type: ignore[arg-type]
        image.prepare(medium, SETTINGS)
        return medium.digest

    red, blue = encoded(picture(colour="red")), encoded(picture(colour="blue"))
    assert name(red) == name(bytes(red))
    names = [name(red), name(blue), name(red, redact=((0, 0, 9, 9),)), name(red, preprocess="auto")]
    assert len(set(names)) == 4


def test_redacted_regions_are_black_and_the_rest_is_untouched() -> None:
    got = seen(encoded(Image.new("RGB", (100, 100), "white")), redact=((10, 20, 30, 40),))
    assert got.getpixel((10, 20)) == got.getpixel((30, 40)) == (0, 0, 0)
    assert got.getpixel((9, 20)) == got.getpixel((31, 41)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_regions_are_in_pixels_of_the_upright_source_however_it_is_scaled(form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Image.new("RGB", (6000, 3000), "white")  # shown as 3000 x 6000
    got = seen(encoded(stored, form, exif=exif), redact=((0, 0, 1500, 3000),))
    assert got.size == (1024, 2048)
    assert near(got.getpixel((500, 1000)), (0, 0, 0))
    assert near(got.getpixel((530, 1000)), (255, 255, 255))
    assert near(got.getpixel((500, 1040)), (255, 255, 255))


def test_a_region_that_hits_nothing_is_refused_since_it_was_meant_to() -> None:
    outside: Box = (100, 0, 120, 10)
    with pytest.raises(GatewayError) as refusal:
        seen(encoded(picture((64, 64))), redact=(outside,))
    assert refusal.value.code is INVALID_REQUEST


@pytest.mark.parametrize(
    ("form", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")]
)
def test_a_file_that_is_the_picture_and_nothing_else_may_be_handed_on(form: str, mime: str) -> None:
    assert as_sent(encoded(form=form)) == mime


def test_a_file_that_shows_something_else_or_tells_more_may_not() -> None:
    turned, camera, text = Image.Exif(), Image.Exif(), PngInfo()
    turned[0x0112], camera[0x0110] = 6, "A camera"
    text.add_text("Author", "somebody")
    files = {
        "turned": encoded(form="JPEG", exif=turned),
        "with a camera's name": encoded(form="JPEG", exif=camera),
        "WebP with a camera's name": encoded(form="WEBP", exif=camera),
        "with a comment": encoded(form="JPEG", comment=b"secret"),
        "with text": encoded(pnginfo=text),
        "with a segment of unknown content": b"\xff\xd8\xff\xeb\x00\x06secr" + encoded(form="JPEG")[2:],
        "transparent": encoded(picture(mode="RGBA")),
        "of more frames": encoded(form="WEBP", save_all=True, append_images=[picture(colour="blue")]),
        "in CMYK": encoded(picture(mode="CMYK"), "JPEG"),
    }
    assert [name for name, data in files.items() if as_sent(data)] == []
    plain = encoded(form="JPEG")
    assert as_sent(plain, redact=((0, 0, 9, 9),)) is None
    assert as_sent(plain, preprocess="auto") is None
    assert as_sent(encoded(picture((200, 100)), "JPEG"), MediaSettings(max_side=64)) is None
