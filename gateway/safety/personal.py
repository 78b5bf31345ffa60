"""Masks personal numbers and addresses: identity cards, bank cards, telephones, e-mail."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import msgspec

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
_IDENTITY = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_PHONE = re.compile(r"(?<![\d+])\+\d{1,3}(?:[ -]?\(?\d{2,4}\)?){2,4}(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)")

UNFINISHED = re.compile(r"(?:[+(]?\d[\d ()-]{0,40})?[\w.%+@-]{0,80}$", re.ASCII)
"""The end of a text that what comes next could make personal data of."""

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+"|-?\d[\d.eE+-]*')
"""A string or a number in JSON."""


def mask(text: str) -> str:
    """The text with what identifies a person starred out; enough is left to tell values apart."""
    text = _EMAIL.sub(_mask_email, text)
    text = _IDENTITY.sub(_where(is_identity, 3, 2), text)
    text = _CARD.sub(_where(is_card, 4, 4), text)
    for phone in (_MOBILE, _PHONE, _LANDLINE):
        text = phone.sub(_where(lambda _: True, 3, 2), text)
    return text


def mask_json(text: str) -> str:
    """As `mask`, for JSON, which stays JSON: escapes hide nothing, and a masked number becomes a string."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return mask(text)  # broken off, for one
    return _LITERAL.sub(_mask_literal, text)


def _mask_literal(match: re.Match[str]) -> str:
    literal = match[0]
    value = msgspec.json.decode(literal, type=str) if literal.startswith('"') else literal
    masked = mask(value)
    return literal if masked == value else msgspec.json.encode(masked).decode()


def is_identity(number: str) -> bool:
    """Whether 18 characters are a Chinese identity number, by its check digit (ISO 7064 MOD 11-2)."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    return number[17].upper() == _CHECKS[total % 11]


def is_card(number: str) -> bool:
    """Whether digits are a bank card's number, by Luhn's checksum."""
    digits = [int(char) for char in number if char.isdigit()][::-1]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and (sum(digits[::2]) + doubled) % 10 == 0


def _where(holds: Callable[[str], bool], head: int, tail: int) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        return _stars(match[0], head, tail) if holds(match[0]) else match[0]

    return replace


def _stars(text: str, head: int, tail: int) -> str:
    """All letters and digits but the first `head` and the last `tail` starred out."""
    places = [place for place, char in enumerate(text) if char.isalnum()]
    hidden = set(places[head : len(places) - tail])
    return "".join("*" if place in hidden else char for place, char in enumerate(text))


def _mask_email(match: re.Match[str]) -> str:
    name, _, domain = match[0].partition("@")
    return f"{name[0]}***@{domain}"


class MaskLogs(logging.Filter):
    """Masks personal data in log lines. Prompts are never logged; this is for what slips through."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        masked = mask(message)
        if masked != message:
            record.msg, record.args = masked, ()
        return True
