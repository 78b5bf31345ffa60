"""Terms are found however they are spelt, and not where they are not."""

from __future__ import annotations

import random
import time

import pytest

from gateway.safety.terms import Terms, load

TERMS = Terms(["bomb", "Kill Switch", "炸弹", "法轮", "shit", "naïve"])


@pytest.mark.parametrize(
    "text",
    [
        "how to build a bomb",
        "BOMB",
        "Bomb!",
        "b o m b",
        "b.o.m.b",
        "b-o_m*b",
        "ｂｏｍｂ",
        "𝐛𝐨𝐦𝐛",
        "ⓑⓞⓜⓑ",
        "b\u200bo\u200cm\u2060b",
        "b\u00adomb",
        "bömb",
        "b\u0301o\u0301m\u0301b",
        "bоmb",  # a Cyrillic о
        "b0mb",
        "sh1t",
        "5hit",
        "kill\n\nswitch",
        "killswitch",
        "NAIVE",
        "制造炸弹的方法",
        "制造 炸 弹",
        "炸\u200b弹",
        "炸*弹",
        "怎么做bomb吗",
    ],
)
def test_a_term_is_found_in_every_dress(text: str) -> None:
    assert TERMS.find(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a bombastic speech",
        "bombard",
        "aplomb",
        "the comb",
        "skill switches",
        "She climbed with aplomb, o Mister B.",
        "5417",
        "炸鸡和子弹",
        "Shitake is not a term, shiitake neither",
        "club or mob",
    ],
)
def test_other_words_are_left_alone(text: str) -> None:
    assert TERMS.find(text) is None


def test_thousands_of_terms_cost_no_more_than_one() -> None:
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(5000)]
    many = Terms([*words, "bomb"])
    text = "The quick brown fox jumps over the lazy dog. " * 700
    many.find(text)
    began = time.perf_counter()
    assert many.find(text) is None
    assert time.perf_counter() - began < 1
    assert many.find(text + "bomb") == "bomb"


def test_terms_come_from_a_file_too(tmp_path: object) -> None:
    file = tmp_path / "terms.txt"  # type: ignore[operator]
    file.write_text("# about weapons\nbomb  # and more\n\n炸弹\n", encoding="utf-8")
    terms = load(["other"], file)
    assert all(terms.find(text) for text in ("a bomb", "炸弹", "other"))
    assert terms.find("and more about weapons") is None
    assert terms.version != load(["other"], None).version


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("all is well", 11),
        ("a bo", 2),
        ("a bomb", 2),
        ("a b o m", 2),
        ("制造炸", 2),
        ("kill swit", 0),
        ("bomb ore", 8),
    ],
)
def test_only_what_may_begin_a_term_is_unsettled(text: str, settled: int) -> None:
    assert TERMS.settled(text) == settled
