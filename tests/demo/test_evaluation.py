"""A prompt, a schema or weights that change ask for a new evaluation of the demo checkpoint."""

import json

from engine.demo.evaluate import RECORD, prompt_digest, weights_digest

NAMES = {"shapes", "captions", "two images", "charts", "reading, 1 line", "videos as MP4"}


def recorded():
    return json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_checkpoint_was_evaluated_with_the_prompts_of_today():
    assert recorded()["prompts"] == prompt_digest(), (
        "a task's prompt or schema changed: run `python -m engine.demo.evaluate --record` "
        "against a running gateway, and train anew where the accuracy fell"
    )


def test_it_is_these_weights_that_were_evaluated():
    assert recorded()["weights"] == weights_digest(), "run `python -m engine.demo.evaluate --record`"


def test_every_group_was_measured_on_at_least_two_hundred_cases():
    groups = recorded()["formats"]["png"]
    assert set(groups) >= NAMES
    assert all(group["cases"] >= 200 for group in groups.values())
