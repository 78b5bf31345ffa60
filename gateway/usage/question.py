"""What one may ask about usage: since when, by what, and of whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from gateway.usage.rows import DIMENSIONS, Table, grouped

_MOST_DAYS = 1000
_OF = ("key", "tenant", "model", "task")


class Question(msgspec.Struct, frozen=True):
    since: date
    until: date
    """Both days are included."""
    by: tuple[str, ...] = ("day",)
    of: dict[str, str] = {}
    """Only rows with these values."""

    def answer(self, table: Table, currency: str) -> dict[str, Any]:
        wanted = {
            row: sums
            for row, sums in table.items()
            if all(getattr(row, name) == value for name, value in self.of.items())
        }
        return {
            "since": str(self.since),
            "until": str(self.until),
            "by": self.by,
            "rows": grouped(wanted, self.by, currency),
            "total": next(iter(grouped(wanted, (), currency)), None),
        }


def question(given: Mapping[str, str], today: date) -> Question:
    """From parameters such as `since=7d`, `by=key,day`, `tenant=acme`. Raises `ValueError`."""
    if unknown := given.keys() - {"since", "until", "by", *_OF}:
        raise ValueError(f"There is no parameter {sorted(unknown)[0][:64]!r}.")
    by = tuple(filter(None, given.get("by", "day").split(",")))
    for name in by:
        if name not in DIMENSIONS:
            raise ValueError(f"by: there is no {name[:64]!r}; there are {', '.join(DIMENSIONS)}.")
    until = _day(given.get("until", ""), today)
    since = _day(given.get("since", "7d"), today)
    if not 0 <= (until - since).days < _MOST_DAYS:
        raise ValueError(f"since: must be before until, by at most {_MOST_DAYS} days.")
    return Question(since, until, by, {name: given[name] for name in _OF if given.get(name)})


def _day(text: str, today: date) -> date:
    """A day, or so many days with today as the last one; today where empty."""
    if not text:
        return today
    if text.endswith("d") and text[:-1].isdecimal() and 1 <= int(text[:-1]) < _MOST_DAYS:
        return today - timedelta(days=int(text[:-1]) - 1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:64]!r} is no day, such as 2026-11-21, nor days, such as 7d.") from None
