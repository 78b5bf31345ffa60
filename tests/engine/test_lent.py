"""What vLLM is given of a request, and what is left of it there afterwards."""

from __future__ import annotations

import pytest
from PIL import Image

from engine import torchvision_cpu
from engine.types import ChatRequest, MediaPart, Medium, Message

pytestmark = pytest.mark.filterwarnings("ignore")  # vLLM's own, as it is imported

RED = (255, 0, 0)


def request(*media: Medium) -> ChatRequest:
    content = tuple(MediaPart(medium) for medium in media)
    return ChatRequest(id="r", model="m", messages=(Message(role="user", content=content),))


def test_vllm_has_a_pictures_pixels_without_a_copy_and_only_while_it_renders() -> None:
    torchvision_cpu.install()
    from engine.vllm_request import Lent

    frame = Image.new("RGB", (64, 32), RED)
    medium = Medium("image", "", frames=(frame,), digest="d")
    with Lent(request(medium, medium)) as lent:
        image = lent.image(medium)
        assert image is lent.image(medium)
        assert (image.size, image.mode, image.getpixel((1, 1))) == ((64, 32), "RGB", RED)
        assert image.im is frame.im
    with pytest.raises(ValueError, match="closed"):
        image.getpixel((1, 1))
    assert frame.getpixel((1, 1)) == RED, "others may share it"
