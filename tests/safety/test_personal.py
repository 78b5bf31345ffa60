"""Personal data is masked, and what only looks like it is left alone."""

from __future__ import annotations

import logging

import pytest

from engine.types import ChatChunk, Choice
from gateway.safety.masking import StreamMask
from gateway.safety.personal import MaskLogs, mask

MASKED = [
    ("Write to john.doe+x@mail.example.com now", "Write to j***@mail.example.com now"),
    ("邮箱bob@example.cn。", "邮箱b***@example.cn。"),
    ("身份证号11010519491231002X。", "身份证号110*************2X。"),
    ("card 4111 1111 1111 1111 ok", "card 4111 **** **** 1111 ok"),
    ("卡号6222020200112233446", "卡号6222***********3446"),
    ("电话13800138000", "电话138******00"),
    ("+86 138-0013-8000", "+86 1**-****-**00"),
    ("call +44 20 7946 0958", "call +44 2* **** **58"),
    ("010-62345678", "010-******78"),
]
PLAIN = [
    "The total is 4111 1111 1111 1112.",
    "Order 110105194912310021 is shipped.",
    "In 2026 there were 1234567 of them, at 3.14159265358979.",
    "a@b is no address",
    "12 + 13 = 25",
    "The year 2019-2020, pages 100-200",
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_personal_data_is_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize("text", PLAIN)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert mask(text) == text


def streamed(text: str, size: int) -> str:
    stream = StreamMask()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    out = []
    for number, piece in enumerate(pieces, 1):
        finish = "stop" if number == len(pieces) else None
        chunk = ChatChunk(
            id="1", model="m", created=0, choices=(Choice(content=piece, finish_reason=finish),)
        )
        out.append(stream.chunk(chunk).choices[0].content)
    return "".join(out)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_stream_is_masked_as_the_whole_is(size: int) -> None:
    for text, masked in MASKED:
        assert streamed(f"So: {text} And on it goes.", size) == f"So: {masked} And on it goes."
    for text in PLAIN:
        assert streamed(text, size) == text


def test_log_lines_are_masked() -> None:
    record = logging.LogRecord("gateway", logging.INFO, "", 0, "from %s", ("john@example.com",), None)
    assert MaskLogs().filter(record)
    assert record.getMessage() == "from j***@example.com"
