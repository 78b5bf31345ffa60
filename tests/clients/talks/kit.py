"""What the conversations share: the pictures, and a look at the engine."""

import base64
import json
import time
import urllib.request
from pathlib import Path

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


def refused(expected, ask, code=None):
    """The exception of the class `expected` that `ask` must raise; `code` is the business code in it."""
    try:
        ask()
    except expected as error:
        assert code is None or f"(code {code})" in str(error), error
        return error
    raise AssertionError(f"{expected} was not raised")


def until_idle(server):
    """Wait until no engine works on anything: those who left have freed their slots."""
    deadline = time.monotonic() + 5
    while True:
        with urllib.request.urlopen(f"{server}/ready") as reply:
            if not sum(model["running"] for model in json.load(reply)["models"].values()):
                return
        assert time.monotonic() < deadline, "a request that nobody waits for goes on"
