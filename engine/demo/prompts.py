"""Which words come before a question: the gateway's own prompts, a user's role, or nothing at all."""

from __future__ import annotations

from random import Random

from engine.demo.data.canvas import Question
from engine.demo.data.words import LANGUAGES, Language
from engine.types import Message
from gateway.tasks import BY_NAME

ROLES = {
    "en": (
        "You are a helpful assistant.",
        "You are a friendly teacher.",
        "You are an expert.",
        "Be brief.",
        "Answer in English.",
        "You are a careful analyst for our company.",
        "Please be polite and exact.",
        "You work for a museum.",
        "You help children to learn.",
        "You are a robot.",
    ),
    "zh": (
        "你是一个有用的助手。",
        "你是一位耐心的老师。",
        "请简短回答。",
        "你是专家。",
        "请用中文回答。",
        "你是公司的分析师。",
    ),
}


def setting(rng: Random) -> Language | None:
    """The language of a whole sequence, or `None` for a mixture, which only plain sequences may have."""
    return rng.choice(LANGUAGES) if rng.random() < 0.55 else None


def system(rng: Random, questions: list[Question], language: Language | None) -> str:
    """The system message for these questions, as the gateway would send it; empty for none."""
    if language is None:
        return "You are a helpful assistant." if rng.random() < 0.3 else ""
    draw = rng.random()
    if draw < 0.12:
        return rng.choice(ROLES[language]) if draw < 0.08 else ""
    role = rng.choice(ROLES[language]) if draw > 0.85 else ""
    task = BY_NAME[rng.choice(questions).task if questions else "vqa"]
    return text_of(
        task.messages("?" if language == "en" else "？", [], role or _hint(language))[0], role, language
    )


def _hint(language: Language) -> str:
    """Chinese text that makes the task choose its Chinese prompt."""
    return "中" if language == "zh" else ""


def text_of(message: Message, role: str, language: Language) -> str:
    """The message's text, without the hint where no role was wanted."""
    text = str(message.content)
    hint = _hint(language)
    return text if role or not hint else text.removeprefix(f"{hint}\n\n")


def summary(text: str, found: list[str], language: Language, role: str = "") -> tuple[str, str]:
    """System and user text of the request that joins the pages of a document."""
    messages = BY_NAME["doc_analyze"].summary_messages(
        text, dict(enumerate(found, 1)), role or _hint(language)
    )
    return text_of(messages[0], role, language), str(messages[1].content)
