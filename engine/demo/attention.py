"""Attention over short sequences, as training needs it. Q, K: heads of queries and of keys. S: length."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """query [B, Q, S, head], key and value [B, K, S, head], additive mask [B, 1, S, S] → [B, Q, S, head].

    Under autocast on a processor plain products in half precision are quicker, forwards and backwards,
    than PyTorch's fused attention, whose backward pass knows no such products.
    """
    if torch.is_autocast_enabled("cpu") and query.device.type == "cpu":
        return _products(query, key, value, mask)
    repeat = query.shape[1] // key.shape[1]
    key, value = (part.repeat_interleave(repeat, 1) for part in (key, value))
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def _products(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    rows, heads, length, head = query.shape
    shared = heads // key.shape[1]
    half = torch.get_autocast_dtype("cpu")
    grouped = (query * head**-0.5).to(half).reshape(rows, -1, shared * length, head)
    scores = grouped @ key.to(half).transpose(-1, -2)
    if mask is not None:
        scores = (scores.view(rows, -1, shared, length, length) + mask[:, :, None].to(half)).view_as(scores)
    return (scores.softmax(-1, dtype=half) @ value.to(half)).view(rows, heads, length, head)
