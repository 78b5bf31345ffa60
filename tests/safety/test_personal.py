"""Personal data is masked, and what only looks like it is left alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from engine.types import ChatChunk, Choice
from gateway.safety.masking import StreamMask
from gateway.safety.personal import MaskLogs, mask, mask_json
from gateway.stream import FoldedChoice, Reply

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


def folded(*choices: Choice) -> Sequence[FoldedChoice]:
    """What is left of a stream of these pieces, whole."""
    stream, reply = StreamMask(), Reply()
    for choice in choices:
        reply.add(stream.chunk(ChatChunk(id="1", model="m", created=0, choices=(choice,))))
    if (rest := stream.end()) is not None:
        reply.add(rest)
    return reply.choices


def called(arguments: str, index: int = 0, **rest: Any) -> Choice:
    """A piece of a call; its first one names it."""
    head = {"id": f"call_{index}", "type": "function"} if "name" in rest else {}
    return Choice(tool_calls=[{"index": index, **head, "function": {"arguments": arguments, **rest}}])


PIECES = ("Call ", "138", "0013", "8000", " now")
END = Choice(finish_reason="stop")


def test_thinking_is_masked_across_its_pieces_and_stays_before_the_answer() -> None:
    stream = StreamMask()
    choices = [*(Choice(reasoning=piece) for piece in PIECES), Choice(content="Yes"), END]
    chunks = [ChatChunk(id="1", model="m", created=0, choices=(choice,)) for choice in choices]
    left = [stream.chunk(chunk).choices[0] for chunk in chunks]
    assert "".join(choice.reasoning for choice in left) == "Call 138******00 now"
    assert "".join(choice.content for choice in left) == "Yes"
    assert left[-1].reasoning == ""


def test_choices_and_voices_are_masked_apart_from_one_another() -> None:
    pieces = [Choice(index=i, reasoning=piece) for piece in PIECES for i in (0, 1)]
    pieces += [Choice(index=i, content=piece) for piece in PIECES for i in (0, 1)]
    for choice in folded(*pieces, END, Choice(index=1, finish_reason="stop")):
        assert (choice.reasoning, choice.content) == ("Call 138******00 now", "Call 138******00 now")


@pytest.mark.parametrize("end", [[], [END], [Choice(finish_reason="tool_calls")]])
def test_arguments_of_tools_are_masked_and_whole(end: list[Choice]) -> None:
    first = [called("", 0, name="dial"), *(called(piece) for piece in ('{"to": "138', "0013", '8000"}'))]
    second = [called('{"to": "bob@exam', 1, name="write"), called('ple.cn", "n": 3}', 1)]
    (choice,) = folded(Choice(content="So 1"), *first, *second, *end)
    assert choice.content == "So 1"
    assert [(call["id"], call["function"]) for call in choice.tool_calls] == [
        ("call_0", {"name": "dial", "arguments": '{"to": "138******00"}'}),
        ("call_1", {"name": "write", "arguments": '{"to": "b***@example.cn", "n": 3}'}),
    ]


def test_what_waits_leaves_at_the_end_of_a_stream_that_breaks_off() -> None:
    (choice,) = folded(Choice(reasoning="by 13800138000"), Choice(content="at bob@example.cn"))
    assert (choice.reasoning, choice.content) == ("by 138******00", "at b***@example.cn")
    stream = StreamMask()
    stream.chunk(ChatChunk(id="1", model="m", created=0, choices=(END,)))
    assert stream.end() is None


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        ('{"n": 13800138000}', {"n": "138******00"}),
        (r'{"m": "\u4e2dbob\u0040example.cn"}', {"m": "中b***@example.cn"}),
        (r'{"m": "say \"13800138000\""}', {"m": 'say "138******00"'}),
        ('{"bob@example.cn": [1, 2.5e3, true, null]}', {"b***@example.cn": [1, 2500.0, True, None]}),
    ],
)
def test_masked_json_is_still_json(given: str, masked: Any) -> None:
    assert json.loads(mask_json(given)) == masked


def test_json_that_is_broken_off_or_too_deep_is_masked_as_text() -> None:
    assert mask_json('{"to": "13800138000') == '{"to": "138******00'
    deep = "[" * 100_000 + '"13800138000"' + "]" * 100_000
    assert "138******00" in mask_json(deep)


def test_log_lines_are_masked() -> None:
    record = logging.LogRecord("gateway", logging.INFO, "", 0, "from %s", ("john@example.com",), None)
    assert MaskLogs().filter(record)
    assert record.getMessage() == "from j***@example.com"
