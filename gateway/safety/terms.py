"""Words and phrases that may not appear, however they are spelt; thousands cost no more than one."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from gateway.safety.normalise import is_word, normalise

_FIGURES = frozenset("0123456789@$")
"""What may stand for letters in a word but is not one by itself."""


class Terms:
    """An automaton over the normalised terms."""

    def __init__(self, terms: Iterable[str]) -> None:
        plain = sorted({(normalise(term)[0], is_word(term)) for term in terms if normalise(term)[0]})
        self._terms = [term for term, _ in plain]
        self._words = [word for _, word in plain]
        self._automaton = AhoCorasick(self._terms) if plain else None
        self._beginnings = {term[:end] for term in self._terms for end in range(1, len(term) + 1)}
        self._longest = max(map(len, self._terms), default=0)
        self.version = sha256("\n".join(self._terms).encode()).hexdigest()[:12]

    def __bool__(self) -> bool:
        return bool(self._terms)

    def find(self, text: str, *, open_end: bool = False) -> str | None:
        """The first term in `text`, normalised. With `open_end` the text may go on, so that a word
        that ends where the text does is not yet known to be one.
        """
        if self._automaton is None:
            return None
        plain, places = normalise(text)
        for index, start, end in self._automaton.find_matches_as_indexes(plain, overlapping=True):
            if not self._words[index] or _stands_alone(text, places, start, end, open_end):
                return self._terms[index]
        return None

    def settled(self, text: str) -> int:
        """How many characters of `text` no term can reach into any more, however the text goes on."""
        plain, places = normalise(text)
        for length in range(min(self._longest, len(plain)), 0, -1):
            if plain[-length:] in self._beginnings:
                return places[len(plain) - length]
        return len(text)


def _stands_alone(text: str, places: list[int], start: int, end: int, open_end: bool) -> bool:
    """Whether a match is a word or phrase of its own, not a part of a longer word and not a bare number."""
    first, last = places[start], places[end - 1]
    if all(text[place] in _FIGURES for place in places[start:end]):
        return False
    before = text[first - 1] if first else " "
    after = text[last + 1] if last + 1 < len(text) else ("x" if open_end else " ")
    return not (_joins(before) or _joins(after))


def _joins(char: str) -> bool:
    """Whether a letter beside this character is part of the same word; Chinese begins a new one."""
    return char.isalnum() and is_word(char)


def load(terms: Iterable[str], file: Path | None) -> Terms:
    """The terms of the configuration and its file. Raises `OSError`."""
    lines = file.read_text(encoding="utf-8").splitlines() if file else []
    listed = (line.partition("#")[0].strip() for line in lines)
    return Terms([*terms, *filter(None, listed)])
