"""The shape of the demo model, and how it begins: fresh, or grown from a smaller trained one."""

from __future__ import annotations

import torch
from torch import nn
from transformers import Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

from engine.demo.data.canvas import AUXILIARY, MAX_PIXELS, MERGE, MIN_PIXELS, PATCH

HIDDEN = 192
TOWER_LAYERS = 5
TEXT_LAYERS = 4
POSITION_GRID = 16
"""Learned position embeddings along each side of a picture."""

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
"""Special tokens; their place in the tuple is their id."""
PAD, IM_START, IM_END, VISION_START, VISION_END, _, IMAGE_PAD, VIDEO_PAD = range(len(SPECIAL))

_NORMALISE = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
_PATCHES = {"patch_size": PATCH, "temporal_patch_size": 2, "merge_size": MERGE}
IMAGE_PROCESSOR = {
    "image_processor_type": "Qwen2VLImageProcessorFast",
    "processor_class": "Qwen3VLProcessor",
    "size": {"shortest_edge": MIN_PIXELS, "longest_edge": MAX_PIXELS},
    **_PATCHES,
    **_NORMALISE,
}
VIDEO_PROCESSOR = {
    "video_processor_type": "Qwen3VLVideoProcessor",
    "processor_class": "Qwen3VLProcessor",
    "size": {"shortest_edge": 4096, "longest_edge": 8 * 160 * 160},
    **_PATCHES,
    **_NORMALISE,
    "fps": 2,
    "min_frames": 4,
    "max_frames": 16,
}
"""`size` is in pixels of all frames together, so a clip of 8 frames keeps up to 160 by 160."""


def config(vocabulary: int) -> Qwen3VLMoeConfig:
    """The configuration for `vocabulary` tokens."""
    text = {
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": TEXT_LAYERS,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "num_experts": 4,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": HIDDEN,
        "decoder_sparse_step": 1,
        "norm_topk_prob": True,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [6, 5, 5],
            "mrope_interleaved": True,
        },
        "eos_token_id": IM_END,
        "pad_token_id": PAD,
    }
    vision = {
        "depth": TOWER_LAYERS,
        "hidden_size": HIDDEN,
        "intermediate_size": 512,
        "num_heads": 6,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": 2,
        "out_hidden_size": HIDDEN,
        "num_position_embeddings": POSITION_GRID**2,
        "deepstack_visual_indexes": [1],
    }
    return Qwen3VLMoeConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=IMAGE_PAD,
        video_token_id=VIDEO_PAD,
        vision_start_token_id=VISION_START,
        vision_end_token_id=VISION_END,
        tie_word_embeddings=False,
    )


def build(vocabulary: int, seed: int = 0) -> Qwen3VLMoeForConditionalGeneration:
    """A model with random weights, in float32.

    The tower's layers past the fourth begin as the identity: a network four layers deep learns the
    first lessons faster, and the others join in as they become useful.
    """
    torch.manual_seed(seed)
    model = Qwen3VLMoeForConditionalGeneration(config(vocabulary)).float()
    with torch.no_grad():
        model.model.visual.pos_embed.weight.normal_(0, 0.02)
        for block in model.model.visual.blocks[4:]:
            for layer in (block.attn.proj, block.mlp.linear_fc2):
                layer.weight.zero_()
                layer.bias.zero_()
    return model


class Probes(nn.Module):
    """Auxiliary heads on the tower: what is on each patch, and on each merged token's four patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Linear(HIDDEN, sum(AUXILIARY.values()))
        self.merged = nn.Linear(HIDDEN, MERGE**2 * sum(AUXILIARY.values()))
