"""Training asks what the gateway asks, in both languages."""

from __future__ import annotations

from random import Random

import pytest

from engine.demo import prompts
from engine.demo.data.canvas import Question
from engine.demo.data.words import LANGUAGES
from gateway.tasks import BY_NAME

TRAINED = ("vqa", "captioning", "chart_parse", "video_qa", "doc_analyze")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", TRAINED)
def test_most_sequences_begin_with_the_tasks_own_words(task, language):
    asked = [Question("", "", "", task)]
    drawn = [prompts.system(Random(seed), asked, language) for seed in range(200)]
    role = BY_NAME[task].role[language]
    assert drawn.count(role) > 100
    with_task = [text for text in drawn if text and text not in prompts.ROLES[language]]
    assert all(text.endswith(role) for text in with_task), "prompts of another language"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_are_joined_under_the_tasks_own_words(language):
    asked = prompts.default("doc_analyze", language)
    system, user = prompts.summary(asked, ["AB1", "C2"])
    assert system == BY_NAME["doc_analyze"].summary_role[language]
    assert user.endswith(f"\n\n{asked}")
    assert ("第1页" in user.replace(" ", "")) == (language == "zh")


def test_a_rare_kind_meets_its_own_task_often():
    asked = [Question("", "", "", "chart_parse"), *[Question("", "", "", "vqa")] * 12]
    drawn = [prompts.system(Random(seed), asked, "en") for seed in range(400)]
    assert drawn.count(BY_NAME["chart_parse"].role.en) > 60
