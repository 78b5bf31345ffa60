"""Half precision for products, where the processor has instructions for it."""

from __future__ import annotations

import torch


def half() -> torch.dtype:
    """bfloat16 where its products are quicker than those of float32."""
    known = torch.cpu.get_capabilities()
    quick = torch.cuda.is_available() or known.get("avx512_bf16") or known.get("amx_bf16")
    return torch.bfloat16 if quick else torch.float32


def mixed(device: str) -> torch.autocast:
    """Products in `half()`; weights, sums and losses stay in float32."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=half() is torch.bfloat16)
