"""The tokenizer: byte-level BPE whose words are those of the domain and of the gateway's prompts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from engine.demo.data import chart_questions, pairs, reading, shape_questions, talk, videos
from engine.demo.data.words import CHINESE, LANGUAGES
from engine.demo.model import IM_END, PAD, SPECIAL
from gateway.tasks import BY_NAME

TEMPLATE = Path(__file__).with_name("chat_template.jinja")
CHECKPOINT = Path(__file__).with_name("checkpoint")
VOCABULARY = 1536
LEARNED = ("vqa", "captioning", "chart_parse", "video_qa", "doc_analyze")
"""The tasks whose prompts the model knows."""

_CHINESE_WORDS = "|".join([*CHINESE.values(), "一个", "图形", "第一张", "第二张", "图中有", "移动", "变成"])
_PIECES = (
    r"(?:[\[\]{}\",]*\"[a-z]+\":(?:null)?)+[\[{]*\"?",  # a run of JSON's keys and brackets
    r"[\]}]+,[\[{]*\"[a-z]+\":\"",
    r" ?[A-Z][a-z]+",
    r" ?[a-z]+",
    r"[A-Z]",
    r"\d",
    _CHINESE_WORDS,
    rf"(?:(?!{_CHINESE_WORDS})[\u4e00-\u9fff])+",
    r"[^\sA-Za-z0-9\u4e00-\u9fff]+",
    r"\s+",
)
"""What a token never crosses. Capitals and digits stand alone, so that text is copied sign by sign."""


def train(seed: int = 7) -> PreTrainedTokenizerFast:
    """A tokenizer from a few thousand questions and answers; the same for the same seed."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("|".join(_PIECES)), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(Random(seed)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=SPECIAL[IM_END],
        pad_token=SPECIAL[PAD],
        additional_special_tokens=list(SPECIAL),
        chat_template=TEMPLATE.read_text(),
        model_max_length=4096,
    )


def corpus(rng: Random) -> list[str]:
    """Texts in about the shares in which the model meets them."""
    texts = ["user\n", "assistant\n", "system\n"] * 500
    texts += [f"<{tenth / 10:.1f} seconds>" for tenth in range(100)] * 10
    for task in map(BY_NAME.__getitem__, LEARNED):
        for language in LANGUAGES:
            prompts = [task.role[language], task.summary_role[language] if task.summary_role else ""]
            prompts.append(task.default_text[language] if task.default_text else "")
            texts += prompts * 150
    makers = (shape_questions.sample, pairs.sample, chart_questions.sample, reading.sample, videos.sample)
    for _ in range(4000):
        for question in rng.choice(makers)(rng).questions:
            texts += [question.text, question.answer]
    for _ in range(500):
        question = rng.choice((talk.greeting, talk.beyond))(rng, rng.choice(LANGUAGES))
        texts += [question.text, question.answer]
        texts.append(talk.pages(rng, rng.choice(LANGUAGES))[2])
    return texts


class Encoder:
    """Text to ids, remembering what it has seen; no special tokens are added."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        raw = tokenizer.backend_tokenizer
        self._encode = cache(lambda text: tuple(raw.encode(text, add_special_tokens=False).ids))

    def __call__(self, text: str) -> tuple[int, ...]:
        return self._encode(text) if len(text) < 400 else self._encode.__wrapped__(text)


def load(folder: Path = CHECKPOINT) -> PreTrainedTokenizerFast:
    """The tokenizer of a checkpoint."""
    return PreTrainedTokenizerFast.from_pretrained(folder)
