"""Which words come before a question: the gateway's own prompts, a user's role, or nothing at all."""

from __future__ import annotations

from random import Random

from engine.demo.data.canvas import Question
from engine.demo.data.words import LANGUAGES, Language
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
    return str(BY_NAME[_task(rng, questions)].messages(_ASKED[language], [], role)[0].content)


_ASKED: dict[Language, str] = {"en": "What?", "zh": "什么？"}
"""The task answers in the language of the question."""


def _task(rng: Random, questions: list[Question]) -> str:
    """The task of any question, or any of the tasks, so that the rare ones meet their own prompts too."""
    tasks = [question.task for question in questions] or ["vqa"]
    return rng.choice(tasks if rng.random() < 0.5 else sorted(set(tasks)))


def default(task: str, language: Language) -> str:
    """What the task asks where the user asks nothing."""
    text = BY_NAME[task].default_text
    return text[language] if text else ""


def summary(text: str, found: list[str], role: str = "") -> tuple[str, str]:
    """System and user text of the request that joins the pages of a document."""
    messages = BY_NAME["doc_analyze"].summary_messages(text, dict(enumerate(found, 1)), role)
    return str(messages[0].content), str(messages[1].content)
