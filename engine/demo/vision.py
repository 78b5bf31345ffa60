"""The vision tower of Qwen3-VL over many small pictures at once, from transformers' own parameters.

Same sums as `transformers`, arranged by size of picture; `tests/demo/test_forward.py` holds the two
together. N: patches of all pictures. M = N / 4: merged tokens. H: hidden size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.demo.attention import attend
from engine.demo.data.canvas import MERGE

ROPE_THETA = 10000.0
EPSILON = 1e-6


@dataclass(slots=True)
class Pictures:
    """All pictures (or pairs of frames) of a batch, those of one size next to each other."""

    sizes: list[tuple[int, int, int]]
    """Rows and columns of patches, and how many pictures have them."""
    first: Tensor
    """uint8 [N, 768]: pixels of each patch, in the order of merged tokens."""
    second: Tensor
    """uint8 [pairs, 768]: the same patches in the second frame, of pairs only."""
    is_pair: Tensor
    """bool [N]: the patch belongs to a pair of frames."""
    targets: Tensor
    """uint8 [N, channels]: auxiliary targets."""


@dataclass(slots=True)
class Vision:
    patches: Tensor
    """[N, H] after the last block."""
    merged: Tensor
    """[M, H] what the language model sees."""
    deepstack: list[Tensor]
    """[M, H] each: added after the first text layers."""


def rotate(x: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((-second, first), -1)


def _layer_norm(norm: nn.Module, x: Tensor) -> Tensor:
    return F.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias, EPSILON)


@cache
def _grid(rows: int, columns: int, side: int, head: int) -> tuple[Tensor, Tensor, Tensor]:
    """For one picture: weights over position embeddings [patches, side²], and rotary cos and sin."""

    def in_blocks(values: Tensor) -> Tensor:
        return values.reshape(rows // MERGE, MERGE, columns // MERGE, MERGE).transpose(1, 2).flatten()

    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    down, across = in_blocks(down), in_blocks(across)
    weights = _interpolate(down, rows, side)[:, :, None] * _interpolate(across, columns, side)[:, None, :]
    frequencies = ROPE_THETA ** -(torch.arange(0, head // 2, 2).float() / (head // 2))
    angles = torch.cat([down[:, None] * frequencies, across[:, None] * frequencies], -1)
    angles = torch.cat([angles, angles], -1)[:, None]
    return weights.flatten(1), angles.cos(), angles.sin()


def _interpolate(index: Tensor, count: int, side: int) -> Tensor:
    """Linear weights [len(index), side] that spread `count` places over `side` embeddings."""
    at = index.double() * (side - 1) / max(count - 1, 1)
    low = at.floor().clamp(max=side - 1).long()
    high = (low + 1).clamp(max=side - 1)
    share = (at - low).float()
    weights = torch.zeros(len(index), side)
    weights.scatter_add_(1, low[:, None], (1 - share)[:, None])
    return weights.scatter_add_(1, high[:, None], share[:, None])


def _embed_patches(tower: Any, pictures: Pictures) -> Tensor:
    """[N, H]. A still picture is a pair of two equal frames, so one product with both kernels does."""
    kernel = tower.patch_embed.proj.weight.flatten(3)  # [H, 3, 2, 256]
    first, second = kernel[:, :, 0].flatten(1), kernel[:, :, 1].flatten(1)
    pixels = pictures.first.float() / 127.5 - 1
    x = F.linear(pixels, first + second, tower.patch_embed.proj.bias)
    if len(pictures.second):
        where = pictures.is_pair.nonzero()[:, 0]
        change = pictures.second.float() / 127.5 - 1 - pixels[where]
        x = x.index_add(0, where, F.linear(change, second))
    return x


def _merge(merger: Any, x: Tensor, norm_last: bool) -> Tensor:
    """Four neighbouring patches [N, H] to one token [M, H]."""
    x = _layer_norm(merger.norm, x.reshape(-1, merger.hidden_size) if norm_last else x)
    return merger.linear_fc2(F.gelu(merger.linear_fc1(x.reshape(-1, merger.hidden_size))))


def see(tower: Any, pictures: Pictures) -> Vision:
    """The vision tower."""
    heads, hidden = tower.config.num_heads, tower.config.hidden_size
    head = hidden // heads
    device = tower.pos_embed.weight.device
    grids = [_grid(rows, columns, tower.num_grid_per_side, head) for rows, columns, _ in pictures.sizes]
    counts = [count for _, _, count in pictures.sizes]

    def spread(part: int) -> Tensor:
        pieces = [
            grid[part].repeat(n, *(1,) * (grid[part].ndim - 1)) for grid, n in zip(grids, counts, strict=True)
        ]
        return torch.cat(pieces).to(device)

    x = _embed_patches(tower, pictures) + F.linear(spread(0), tower.pos_embed.weight.t())
    cos, sin = spread(1)[:, None], spread(2)[:, None]
    deepstack = []
    for index, block in enumerate(tower.blocks):
        mixed = block.attn.qkv(_layer_norm(block.norm1, x)).view(-1, 3, heads, head)
        turned = mixed[:, :2] * cos + rotate(mixed[:, :2]) * sin
        x = x + block.attn.proj(_attend_within(turned, mixed[:, 2], pictures.sizes))
        inner = F.gelu(block.mlp.linear_fc1(_layer_norm(block.norm2, x)), approximate="tanh")
        x = x + block.mlp.linear_fc2(inner)
        if index in tower.deepstack_visual_indexes:
            merger = tower.deepstack_merger_list[tower.deepstack_visual_indexes.index(index)]
            deepstack.append(_merge(merger, x, norm_last=True))
    return Vision(x, _merge(tower.merger, x, norm_last=False), deepstack)


def _attend_within(turned: Tensor, values: Tensor, sizes: list[tuple[int, int, int]]) -> Tensor:
    """Attention of each patch over its own picture. turned [N, 2, heads, head] → [N, H]."""
    results, start = [], 0
    _, _, heads, head = turned.shape
    for rows, columns, count in sizes:
        length = rows * columns
        part = slice(start, start + count * length)
        query, key = turned[part].view(count, length, 2, heads, head).permute(2, 0, 3, 1, 4)
        value = values[part].view(count, length, heads, head).transpose(1, 2)
        seen = attend(query, key, value)
        results.append(seen.transpose(1, 2).reshape(count * length, heads * head))
        start += count * length
    return torch.cat(results)
