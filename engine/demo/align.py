"""Lets what a merged token shows lie near the words for it, among the language model's own vectors.

Without this the language model has to find out for every character, and for each of the places where
it can stand in a token, how it looks; with it, to read is to copy.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from engine.demo.data.canvas import AUXILIARY, CHARACTERS
from engine.demo.data.words import CHINESE, COLOURS, SHAPES
from engine.demo.vision import EPSILON

SHARPNESS = 16.0
"""Factor on the cosine between a token and a word."""
CHANNELS = ("first", "second", "shape", "colour")
NOTHING = -1


class Alignment:
    """The words of every class of `CHANNELS`."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        characters = [[character] for character in CHARACTERS]
        shapes, colours = ([[f" {n}", n, CHINESE[n]] for n in names] for names in (SHAPES, COLOURS))
        self._words = [_table(tokenizer, words) for words in (characters, characters, shapes, colours)]
        self._channels = [list(AUXILIARY).index(name) for name in CHANNELS]

    def loss(self, model: Any, merged: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy over the vocabulary, for input and for output vectors. targets [N, channels]."""
        words = [
            table.to(targets.device)[targets[:, channel].long()]
            for table, channel in zip(self._words, self._channels, strict=True)
        ]
        wanted = torch.cat(words, 1).view(len(merged), -1)
        some = (wanted != NOTHING).any(1)
        wanted = wanted[some]
        given = wanted != NOTHING
        shown = F.rms_norm(merged[some].float(), (merged.shape[1],), eps=EPSILON) / merged.shape[1] ** 0.5
        total = torch.zeros((), device=merged.device)
        for vectors in (model.lm_head.weight, model.model.language_model.embed_tokens.weight):
            scores = (SHARPNESS * F.linear(shown, F.normalize(vectors, dim=1)).float()).log_softmax(-1)
            picked = scores.gather(1, wanted.clamp(min=0)) * given
            total = total - (picked.sum(1) / given.sum(1)).mean()
        return total


def _table(tokenizer: PreTrainedTokenizerFast, words: list[list[str]]) -> Tensor:
    """Token ids [classes, words]; class 0 has none, and so have words of several tokens."""
    spelled = [[tokenizer.encode(word, add_special_tokens=False) for word in each] for each in words]
    rows = [[ids[0] if len(ids) == 1 else NOTHING for ids in each] for each in spelled]
    return torch.tensor([[NOTHING] * len(words[0]), *rows])
