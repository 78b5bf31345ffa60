"""The language model of Qwen3-VL-MoE over packed sequences, from transformers' own parameters.

Same sums as `transformers`, with several questions behind one picture that do not see each other;
`tests/demo/test_forward.py` holds the two together. B: sequences. S: their length. H: hidden size.
M: merged tokens of all pictures. T = B · S.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

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
    """cos and sin [B, S, 1, head] of the interleaved three-axis rotary embedding."""
    frequencies = ROPE_THETA ** -(torch.arange(0, head, 2, device=positions.device).float() / head)
    angles = positions.float()[..., None] * frequencies
    mixed = angles[0].clone()
    for axis in (1, 2):
        where = slice(axis, sections[axis] * 3, 3)
        mixed[..., where] = angles[axis][..., where]
    mixed = torch.cat((mixed, mixed), -1)[:, :, None]
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


def _attend(attention: Any, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
    rows, length, _ = x.shape
    head = attention.head_dim
    cos, sin = rotary
    query = F.rms_norm(
        attention.q_proj(x).view(rows, length, -1, head), (head,), attention.q_norm.weight, EPSILON
    )
    key = F.rms_norm(
        attention.k_proj(x).view(rows, length, -1, head), (head,), attention.k_norm.weight, EPSILON
    )
    value = attention.v_proj(x).view(rows, length, -1, head)
    query, key = query * cos + rotate(query) * sin, key * cos + rotate(key) * sin
    repeat = query.shape[2] // key.shape[2]
    key, value = (part.transpose(1, 2).repeat_interleave(repeat, 1) for part in (key, value))
    seen = F.scaled_dot_product_attention(query.transpose(1, 2), key, value, attn_mask=mask)
    return attention.o_proj(seen.transpose(1, 2).reshape(rows, length, -1))


def read(language_model: Any, batch: Batch, vision: Vision) -> tuple[Tensor, Tensor]:
    """Last hidden states [B·S, H] of the language model, and the mean balance loss of its experts."""
    settings = language_model.config
    hidden, (rows, length) = settings.hidden_size, batch.ids.shape
    inside = batch.vision_at >= 0
    at = batch.vision_at[inside]
    x = F.embedding(batch.ids.flatten(), language_model.embed_tokens.weight)
    x = x.index_copy(0, at, vision.merged[inside])
    rotary = _rotary(batch.positions, settings.head_dim, settings.rope_parameters["mrope_section"])
    mask = _visible(batch.segments)
    balance = torch.zeros((), device=x.device)
    for index, layer in enumerate(language_model.layers):
        y = F.rms_norm(x, (hidden,), layer.input_layernorm.weight, EPSILON).view(rows, length, hidden)
        x = x + _attend(layer.self_attn, y, rotary, mask).view(-1, hidden)
        mixed, uneven = _experts(
            layer.mlp, F.rms_norm(x, (hidden,), layer.post_attention_layernorm.weight, EPSILON)
        )
        x, balance = x + mixed, balance + uneven / len(language_model.layers)
        if index < len(vision.deepstack):
            x = x.index_add(0, at, vision.deepstack[index][inside])
    return F.rms_norm(x, (hidden,), language_model.norm.weight, EPSILON), balance
