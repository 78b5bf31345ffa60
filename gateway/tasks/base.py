"""What a task is: its prompts in both languages, its limits, its lane and its output.

A task is data. It turns the user's words and media into chat messages, and where its
answers have a schema, into parsed data. Adding one is a file here and a line in
`gateway/tasks/__init__.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from engine.types import MediaPart, Medium, Message, Part, TextPart
from gateway.call import Lane

Language = Literal["en", "zh"]

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def language_of(*texts: str) -> Language:
    """The language of the first text that is not blank: Chinese as soon as it has one Han character."""
    for text in texts:
        if text.strip():
            return "zh" if _HAN.search(text) else "en"
    return "en"


class Bilingual(msgspec.Struct, frozen=True):
    en: str
    zh: str

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


class MediaLimits(msgspec.Struct, frozen=True):
    """How many media a task takes; `frames` lets several images stand for one video."""

    min_items: int = 1
    max_images: int = 8
    max_videos: int = 0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    description: str
    role: Bilingual
    """The system message: who answers, and in which form."""
    default_text: Bilingual | None = None
    """Asked when the user's text is empty; `None` makes text a must."""
    lane: Lane = "interactive"
    limits: MediaLimits = MediaLimits()
    max_tokens: int = 512
    temperature: float = 0.7
    schema: dict[str, Any] | None = None
    """JSON schema that the engine holds the answer to."""
    block: str = ""
    """Language of the code block that is the answer's data, such as `html`; empty for none."""
    boxes: bool = False
    """Whether the data names places in the picture, which are then given in pixels too."""
    plan: Literal["single", "pages"] = "single"
    """`pages`: one request for each medium, then one that joins their answers."""
    summary_role: Bilingual | None = None
    """The system message of the request that joins the pages."""
    model: str | None = None
    """Answers where the request names none; `None` for the default model."""
    cache_ttl_s: float | None = None
    """Seconds an answer is kept; `None` for what holds for all tasks."""
    version: str = "1"
    """Raised with every change of a prompt or schema; part of the cache key."""

    def messages(self, text: str, media: list[Medium], system: str = "") -> tuple[Message, ...]:
        """The chat that puts `text` about `media` to the model, in the user's language."""
        language = language_of(text, system)
        question = text.strip() or (self.default_text[language] if self.default_text else "")
        content: tuple[Part, ...] = (*map(MediaPart, media), TextPart(question))
        return (
            _system(self.role[language], system),
            Message(role="user", content=content),
        )

    def summary_messages(
        self, text: str, answers: Mapping[int, str], system: str = ""
    ) -> tuple[Message, ...]:
        """The chat that joins the answers, given by page number, into one.

        Raises `ValueError` for a task whose plan has no summary.
        """
        if self.summary_role is None:
            raise ValueError(f"task {self.name} has no summary")
        language = language_of(text, system)
        question = text.strip() or (self.default_text[language] if self.default_text else "")
        page = Bilingual("Page", "第")[language]
        close = Bilingual(":", "页：")[language]
        pages = "\n".join(f"{page} {n}{close}\n{answer}" for n, answer in answers.items())
        return (
            _system(self.summary_role[language], system),
            Message(role="user", content=f"{pages}\n\n{question}"),
        )

    @property
    def has_data(self) -> bool:
        return self.schema is not None or bool(self.block)

    def data(self, answer: str) -> Any | None:
        """The answer as parsed JSON or bare code; `None` for a task without, or an answer that broke off."""
        if self.block:
            return _code(answer, self.block)
        if self.schema is None:
            return None
        try:
            return msgspec.json.decode(answer)
        except msgspec.DecodeError:
            return None


def _code(answer: str, language: str) -> str | None:
    _, opened, rest = answer.partition(f"```{language}\n")
    code, closed, _ = rest.partition("```")
    return code if opened and closed else None


def _system(instruction: str, role: str) -> Message:
    """The task's instruction, behind the role that the user set, if any."""
    text = f"{role.strip()}\n\n{instruction}" if role.strip() else instruction
    return Message(role="system", content=text)
