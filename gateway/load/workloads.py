"""What is asked: one class of request each, made ahead of the clock where making it is work."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from gateway.load import pictures
from gateway.load.driver import Workload
from gateway.load.exchange import Exchange

_encode = msgspec.json.Encoder().encode
CHAT = "/v1/chat/completions"
_TOKENS = re.compile(rb'"completion_tokens":\s*(\d+)')
_TASK_TOKENS = re.compile(rb'"output(?:_tokens)?":\s*(\d+)')


class Chat:
    """Chat completions about media, with a new question each time unless `repeat`.

    Every answer has `max_tokens` tokens, so that servers are compared at the same work.
    """

    path = CHAT

    def __init__(
        self,
        model: str,
        media: Callable[[int], Sequence[str]] = lambda _: (),
        *,
        max_tokens: int = 16,
        stream: bool = False,
        repeat: bool = False,
    ) -> None:
        self._model = model
        self._media = media
        self._repeat = repeat
        self._fields: dict[str, Any] = {"max_tokens": max_tokens, "temperature": 0, "ignore_eos": True}
        if stream:
            self._fields |= {"stream": True, "stream_options": {"include_usage": True}}

    def body(self, number: int) -> bytes:
        number = 0 if self._repeat else number
        question = f"What colour is the circle? Number {number}."
        parts = [_part(url) for url in self._media(number)]
        content: Any = [*parts, {"type": "text", "text": question}] if parts else question
        message = {"role": "user", "content": content}
        return _encode({"model": self._model, "messages": [message], **self._fields})

    def tokens(self, exchange: Exchange) -> int:
        return _last_count(_TOKENS, exchange)


class Document:
    """`doc_analyze` of a PDF: of the task API, and so of this gateway alone."""

    path = "/infer"

    def __init__(self, documents: Sequence[str]) -> None:
        self._documents = documents

    def body(self, number: int) -> bytes:
        source = self._documents[number % len(self._documents)]
        question = f"What does it say? Number {number}."
        return _encode({"task": "doc_analyze", "images": [source], "text": question})

    def tokens(self, exchange: Exchange) -> int:
        return _last_count(_TASK_TOKENS, exchange)


class Mix:
    """Several kinds at random, by weight; they share one path."""

    path = CHAT

    def __init__(self, kinds: Sequence[Workload], weights: Sequence[float], seed: int = 1) -> None:
        self._kinds = kinds
        self._weights = weights
        self._seed = seed

    def body(self, number: int) -> bytes:
        chance = random.Random(self._seed * 1_000_003 + number)
        return chance.choices(self._kinds, self._weights)[0].body(number)

    def tokens(self, exchange: Exchange) -> int:
        return _last_count(_TOKENS, exchange)


def _part(url: str) -> dict[str, Any]:
    kind = "video_url" if url.startswith("data:video/") else "image_url"
    return {"type": kind, kind: {"url": url}}


def _last_count(pattern: re.Pattern[bytes], exchange: Exchange) -> int:
    found = pattern.findall(b"".join(exchange.body[-3:]))
    return int(found[-1]) if found else -1


def _unique(make: Callable[[int], str], count: int, many: int = 1) -> Callable[[int], Sequence[str]]:
    """`many` media a request out of `count` made ahead; none comes twice before all were sent."""
    made = [make(number) for number in range(count * many)]
    return lambda number: [made[(number * many + which) % len(made)] for which in range(many)]


def _reused(make: Callable[[int], str], share: float, count: int) -> Callable[[int], Sequence[str]]:
    """New pictures in 1 - `share` of the requests, a well-known one in the others."""
    fresh = _unique(make, count)
    known = make(-1 % 2**31)
    every = round(1 / (1 - share))
    return lambda number: fresh(number // every) if number % every == 0 else [known]


def _text(model: str, count: int) -> Workload:
    return Chat(model, max_tokens=8)


def _stream(model: str, count: int) -> Workload:
    return Chat(model, max_tokens=32, stream=True)


def _image(model: str, count: int) -> Workload:
    return Chat(model, _unique(partial(pictures.jpeg, 224, 224), count))


def _photo(model: str, count: int) -> Workload:
    return Chat(model, _unique(partial(pictures.jpeg, 1920, 1080), count))


def _reuse(model: str, count: int) -> Workload:
    photo = partial(pictures.jpeg, 1024, 768)
    return Chat(model, _reused(photo, 0.8, max(1, count // 5)))


def _pair(model: str, count: int) -> Workload:
    return Chat(model, _unique(partial(pictures.jpeg, 224, 224), count, many=2))


def _video(model: str, count: int) -> Workload:
    return Chat(model, _unique(lambda seed: pictures.clip(5, seed), count))


def _pdf(model: str, count: int) -> Workload:
    return Document([pictures.pdf(4, seed) for seed in range(count)])


def _repeat(model: str, count: int) -> Workload:
    return Chat(model, _unique(partial(pictures.jpeg, 512, 512), 1), repeat=True)


def _mixed(model: str, count: int) -> Workload:
    kinds = [_text(model, count), _image(model, count), _photo(model, count // 4 or 1)]
    return Mix(kinds, (0.4, 0.4, 0.2))


WORKLOADS: dict[str, tuple[str, Callable[[str, int], Workload]]] = {
    "text": ("short text, 8 tokens", _text),
    "stream": ("streams of 32 tokens", _stream),
    "image": ("a new 224 px image", _image),
    "photo": ("a new 1080p JPEG", _photo),
    "reuse": ("the same image in 80 %, new questions", _reuse),
    "pair": ("two new images", _pair),
    "pdf": ("a PDF of 4 pages (task API)", _pdf),
    "video": ("a new clip of 5 s", _video),
    "repeat": ("the same question about one 512 px image", _repeat),
    "mixed": ("text, images and photos", _mixed),
}
"""By name: what it is, and how it is made for a model and a number of requests."""
