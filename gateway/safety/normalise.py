"""One spelling for what reads the same, so that a term is found however it is dressed up."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LOOKALIKES = str.maketrans("аеорсухіѕјԁɡαοερντ", "aeopcyxisjdgaoepvt")
"""Letters of other scripts that look Latin."""
_LEET = str.maketrans("013457@$", "oieastas")


def normalise(text: str) -> tuple[str, list[int]]:
    """The plain letters and digits of `text`, and where in it each of them stood.

    Width and compatibility forms, case, accents, look-alike letters, digits for letters, and
    everything invisible or between letters (spaces, punctuation, zero-width marks) are evened out.
    """
    plain: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        for letter in _plain(char):
            plain.append(letter)
            places.append(place)
    return "".join(plain), places


@lru_cache(maxsize=1 << 16)
def _plain(char: str) -> str:
    folded = unicodedata.normalize("NFKD", char).casefold().translate(_LOOKALIKES).translate(_LEET)
    return "".join(letter for letter in folded if letter.isalnum())


def is_word(term: str) -> bool:
    """Whether a term is written in letters with spaces between words, unlike Chinese."""
    return _HAN.search(term) is None
