"""Begins from an older checkpoint whose tokenizer or depth may differ, instead of from nothing."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from engine.demo import tokens
from engine.demo.export import read_checkpoint
from engine.demo.model import SPECIAL

VOCABULARY_TABLES = ("model.language_model.embed_tokens.weight", "lm_head.weight")


def grow(model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, folder: Path) -> list[str]:
    """Copies every weight that fits; returns the names of those left as they were.

    A new token begins as the mean of the older tokens that spell it.
    """
    old = read_checkpoint(folder)
    spelled = _spelling(tokenizer, tokens.load(folder))
    own = model.state_dict()
    left = []
    with torch.no_grad():
        for name, weight in own.items():
            if name in VOCABULARY_TABLES:
                weight.copy_(torch.stack([old[name][ids].mean(0) for ids in spelled]))
            elif name in old and old[name].shape == weight.shape:
                weight.copy_(old[name])
            else:
                left.append(name)
    return left


def _spelling(new: PreTrainedTokenizerFast, old: PreTrainedTokenizerFast) -> list[Tensor]:
    """For each new token the ids of the older tokens that spell it."""
    bytes_of = {character: number for number, character in _byte_characters().items()}
    spelled = []
    for number in range(len(new)):
        token = new.convert_ids_to_tokens(number)
        if token in SPECIAL or token in old.get_vocab():
            spelled.append(torch.tensor([old.convert_tokens_to_ids(token)]))
            continue
        text = bytes(bytes_of[character] for character in token).decode("utf-8", "replace")
        ids = old.encode(text, add_special_tokens=False)
        spelled.append(torch.tensor(ids))
    return spelled


def _byte_characters() -> dict[int, str]:
    """The printable characters that stand for bytes in byte-level BPE."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    shifted = [number for number in range(256) if number not in kept]
    return {number: chr(number) for number in kept} | {
        number: chr(256 + index) for index, number in enumerate(shifted)
    }
