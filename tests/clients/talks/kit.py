"""What the conversations with the real engine share: keys, pictures, refusals, and a look at the engine."""

import base64
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

URL = sys.argv[1]
KEYS = json.loads(sys.argv[2])
"""Of the gateway: one that may do all, one that may not chat, and one that may ask once."""
MODEL = "qwen3-vl-30b"
QUESTION = "What color is the circle?"
MORE = "Which image has more shapes?"
MOVES = "Which way does the shape move?"


def raw(name):
    return (Path("examples") / name).read_bytes()


def plain(name):
    return base64.b64encode(raw(name)).decode()


def url_of(name):
    mime = "video/mp4" if name.endswith(".mp4") else "image/png"
    return f"data:{mime};base64,{plain(name)}"


def chat(*names, text=QUESTION):
    """A user's message in OpenAI's language about the example files."""
    kinds = ["video_url" if name.endswith(".mp4") else "image_url" for name in names]
    parts = [{"type": kind, kind: {"url": url_of(name)}} for kind, name in zip(kinds, names, strict=True)]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


class Colour(BaseModel):
    """A colour. The demo model writes no prose in a form, so its words are given."""

    colour: Literal["red", "blue", "green"]


PAINT = {"type": "function", "function": {"name": "paint", "parameters": Colour.model_json_schema()}}
"""A tool whose arguments are a `Colour`."""

REFUSALS = {
    "unauthenticated": (4001, {"key": "wrong"}),
    "forbidden": (4002, {"key": KEYS["no_chat"]}),
    "unknown_model": (1006, {"model": "gpt-9"}),
    "invalid": (1000, {"temperature": 9.0}),
    "too_long": (1010, {"text": "hello " * 9000}),
    "content": (3001, {"text": "Say xyzzy."}),
    "rate": (4003, {"key": KEYS["once"]}),
    "overloaded": (2001, {"model": "away"}),
}
"""What the gateway refuses: its business code, and what is asked otherwise than usual."""


def refusals(ask, classes, first=True):
    """Every refusal, streamed and whole, must be raised as the exception that `classes` name for it.

    `ask` takes `key`, `model`, `temperature`, `text` and `stream`, and reads the answer to its end.
    `first` says whether the key that may ask once has not done so yet. Gives back the last exception of
    each kind.
    """
    usual = {"key": KEYS["all"], "model": MODEL, "temperature": 0.0, "text": "Hello"}
    if first:
        ask(**usual | {"key": KEYS["once"], "stream": False})
    found = {}
    for kind, (code, change) in REFUSALS.items():
        for stream in (False, True):
            asked = usual | change | {"stream": stream}
            found[kind] = refused(classes[kind], lambda: ask(**asked), code)  # noqa: B023
    return found


def refused(expected, ask, code=None):
    """The exception of the class `expected` that `ask` must raise; `code` is the business code in it."""
    try:
        ask()
    except expected as error:
        assert code is None or f"(code {code})" in str(error), error
        return error
    raise AssertionError(f"{expected} was not raised")


def until_idle():
    """Wait until no engine works on anything: those who left have freed their slots."""
    deadline = time.monotonic() + 5
    while True:
        with urllib.request.urlopen(f"{URL}/ready") as reply:
            if not sum(model["running"] for model in json.load(reply)["models"].values()):
                return
        assert time.monotonic() < deadline, "a request that nobody waits for goes on"
