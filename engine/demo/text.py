"""The language model of Qwen3-VL-MoE over packed sequences, from transformers' own parameters.

Same sums as `transformers`, with several questions behind one picture that do not see each other;
`tests/demo/test_forward.py` holds the two together. B: sequences. S: their length. H: hidden size.
M: merged tokens of all pictures. T: tokens that are no padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.demo.attention import attend
from engine.demo.vision import EPSILON, ROPE_THETA, Pictures, Vision, rotate


@dataclass(slots=True)
class Batch:
    """Packed sequences; see `sequences.Sequence` for what one holds."""

    pictures: Pictures
    ids: Tensor
    """[B, S]"""
    positions: Tensor
    """[3, B, S]: time, row and column for the rotary embedding."""
    segments: Tensor
    """[B, S]: 0 is shared by all questions of a row, -1 is padding."""
    labels: Tensor
    """[B, S]: the next token where it belongs to an answer, else -100."""
    vision_at: Tensor
    """[M]: place of each merged token in the flat [B·S], or -1 for pictures outside the sequences."""
    kinds: list[tuple[int, int, str]]
    """Row, segment and kind of each question."""


def _rotary(positions: Tensor, head: int, sections: list[int]) -> tuple[Tensor, Tensor]:
    """cos and sin [T, 1, head] of the interleaved three-axis rotary embedding."""
    frequencies = ROPE_THETA ** -(torch.arange(0, head, 2, device=positions.device).float() / head)
    angles = positions.float()[..., None] * frequencies
    mixed = angles[0].clone()
    for axis in (1, 2):
        where = slice(axis, sections[axis] * 3, 3)
        mixed[..., where] = angles[axis][..., where]
    mixed = torch.cat((mixed, mixed), -1)[:, None]
    return mixed.cos(), mixed.sin()


def _visible(segments: Tensor) -> Tensor:
    """Additive mask [B, 1, S, S]: a token sees what came before in its own segment and in segment 0."""
    size = segments.shape[1]
    same = (segments[:, None, :] == 0) | (segments[:, :, None] == segments[:, None, :])
    earlier = torch.ones(size, size, dtype=torch.bool, device=segments.device).tril()
    hidden = ~(same & earlier)[:, None]
    return torch.zeros(hidden.shape, device=segments.device).masked_fill_(hidden, -1e9)


class _Gather(torch.autograd.Function):
    """Rows of `x` for each chosen expert; backward by a gather too, which beats an indexed add."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, tokens: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x.index_select(0, tokens)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        return gradients[0].index_select(0, back.flatten()).view(*back.shape, -1).sum(1), None, None


class _Permute(torch.autograd.Function):
    """Rows of `x` in another order; `back` undoes `order`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, back: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.index_select(0, back)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (order,) = ctx.saved_tensors
        return gradients[0].index_select(0, order), None, None


class _Put(torch.autograd.Function):
    """Rows of `x` at their places among `count` rows of zeros, and back the same way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor, count: int) -> Tensor:
        ctx.save_for_backward(places)
        return x.new_zeros(count, *x.shape[1:]).index_copy_(0, places, x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (places,) = ctx.saved_tensors
        return gradients[0].index_select(0, places), None, None


class _Take(torch.autograd.Function):
    """The rows of `x` at `places`, each of which comes once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        ctx.count = len(x)
        return x.index_select(0, places)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        wide = gradients[0].new_zeros(ctx.count, *gradients[0].shape[1:])
        return wide.index_copy_(0, places, gradients[0]), None


def _experts(mlp: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mixture of experts over tokens [T, H], and the loss that keeps the experts evenly used."""
    count, top = mlp.gate.num_experts, mlp.gate.top_k
    shares = F.linear(x, mlp.gate.weight).softmax(-1)
    weight, chosen = shares.topk(top, -1)
    weight = weight / weight.sum(-1, keepdim=True)
    order = chosen.flatten().argsort(stable=True)
    back = torch.empty_like(order)
    back[order] = torch.arange(len(order), device=x.device)
    used = torch.bincount(chosen.flatten(), minlength=count)
    by_expert = _Gather.apply(x, order // top, back.view(-1, top)).split(used.tolist())
    results = []
    for expert, rows in enumerate(by_expert):
        gate, up = F.linear(rows, mlp.experts.gate_up_proj[expert]).chunk(2, -1)
        results.append(F.linear(F.silu(gate) * up, mlp.experts.down_proj[expert]))
    mixed = _Permute.apply(torch.cat(results), back, order).view(len(x), top, -1)
    balance = count * (used.float() / used.sum() * shares.mean(0)).sum()
    return (mixed * weight[..., None]).sum(1), balance


def _attend(attention: Any, x: Tensor, layout: _Layout) -> Tensor:
    """Attention of each token [T, H] over its own row."""
    head = attention.head_dim
    query, key, value = (
        project(x).view(len(x), -1, head)
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    query = F.rms_norm(query.float(), (head,), attention.q_norm.weight, EPSILON)
    key = F.rms_norm(key.float(), (head,), attention.k_norm.weight, EPSILON)
    query, key = (part * layout.cos + rotate(part) * layout.sin for part in (query, key))
    seen = attend(layout.rows(query), layout.rows(key), layout.rows(value), layout.mask)
    return attention.o_proj(_Take.apply(seen.transpose(1, 2).flatten(0, 1), layout.places).flatten(1))


class _Layout:
    """Where each token that is no padding stands; only attention is computed with the padding between."""

    def __init__(self, batch: Batch, head: int, sections: list[int]) -> None:
        self.shape = batch.ids.shape
        inside = batch.segments.flatten() >= 0
        self.places = inside.nonzero()[:, 0]
        self.number = inside.cumsum(0) - 1
        """The number among these tokens of each place [B·S] that is one."""
        self.cos, self.sin = _rotary(batch.positions.flatten(1)[:, self.places], head, sections)
        self.mask = _visible(batch.segments)

    def rows(self, x: Tensor) -> Tensor:
        """[T, heads, head] → [B, heads, S, head]."""
        return self.flat(x).view(*self.shape, *x.shape[1:]).transpose(1, 2)

    def flat(self, x: Tensor) -> Tensor:
        """[T, …] → [B·S, …]."""
        return _Put.apply(x, self.places, self.shape.numel())


def read(language_model: Any, batch: Batch, vision: Vision) -> tuple[Tensor, Tensor]:
    """Last hidden states [B·S, H] of the language model, and the mean balance loss of its experts."""
    settings = language_model.config
    shape = (settings.hidden_size,)
    layout = _Layout(batch, settings.head_dim, settings.rope_parameters["mrope_section"])
    inside = batch.vision_at >= 0
    at = layout.number[batch.vision_at[inside]]
    x = F.embedding(batch.ids.flatten()[layout.places], language_model.embed_tokens.weight)
    x = x.index_copy(0, at, vision.merged[inside].to(x.dtype))
    balance = torch.zeros((), device=x.device)
    for index, layer in enumerate(language_model.layers):
        x = x + _attend(layer.self_attn, F.rms_norm(x, shape, layer.input_layernorm.weight, EPSILON), layout)
        y = F.rms_norm(x, shape, layer.post_attention_layernorm.weight, EPSILON)
        mixed, uneven = _experts(layer.mlp, y)
        x, balance = x + mixed, balance + uneven / len(language_model.layers)
        if index < len(vision.deepstack):
            x = x.index_add(0, at, vision.deepstack[index][inside].to(x.dtype))
    return layout.flat(F.rms_norm(x, shape, language_model.norm.weight, EPSILON)), balance
