"""A dense checkpoint with random weights, and LoRA adapters for it, in the files that PEFT writes.

The demo checkpoint is a mixture of experts, whose adapters vLLM runs on a GPU only.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.config import DEMO_CHECKPOINT

_OF_EXPERTS = ("decoder_sparse_step", "mlp_only_layers", "moe_intermediate_size", "norm_topk_prob")
_OF_ROUTERS = ("num_experts_per_tok", "num_local_experts", "output_router_logits", "router_aux_loss_coef")


def write_dense_checkpoint(folder: Path) -> Path:
    """The demo checkpoint's shape without its experts, and its own tokenizer and processor."""
    import torch
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    config = json.loads((DEMO_CHECKPOINT / "config.json").read_text())
    for name in (*_OF_EXPERTS, *_OF_ROUTERS):
        config["text_config"].pop(name)
    config["text_config"]["model_type"] = "qwen3_vl_text"
    config["vision_config"]["model_type"] = "qwen3_vl"
    config |= {"model_type": "qwen3_vl", "architectures": ["Qwen3VLForConditionalGeneration"]}
    torch.manual_seed(0)
    model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(**config)).to(torch.bfloat16)
    model.save_pretrained(folder)
    for file in DEMO_CHECKPOINT.iterdir():
        if not (folder / file.name).exists():
            shutil.copy(file, folder)
    return folder


def write_adapter(folder: Path, strength: float, rank: int = 12) -> Path:
    """An adapter of all attention projections. At no strength it leaves the model as it is."""
    import torch
    from safetensors.torch import save_file

    text = json.loads((DEMO_CHECKPOINT / "config.json").read_text())["text_config"]
    hidden, head = text["hidden_size"], text["head_dim"]
    queries, keys = text["num_attention_heads"] * head, text["num_key_value_heads"] * head
    sides = {
        "q_proj": (hidden, queries),
        "k_proj": (hidden, keys),
        "v_proj": (hidden, keys),
        "o_proj": (queries, hidden),
    }
    torch.manual_seed(1)
    weights: dict[str, Any] = {}
    for layer in range(text["num_hidden_layers"]):
        for name, (inputs, outputs) in sides.items():
            path = f"base_model.model.model.language_model.layers.{layer}.self_attn.{name}"
            weights[f"{path}.lora_A.weight"] = torch.randn(rank, inputs)
            weights[f"{path}.lora_B.weight"] = torch.randn(outputs, rank) * strength
    folder.mkdir()
    save_file(
        {name: weight.to(torch.bfloat16) for name, weight in weights.items()},
        folder / "adapter_model.safetensors",
    )
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 16, "target_modules": list(sides), "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
