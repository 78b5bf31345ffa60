"""Writes a trained model as the checkpoint that vLLM and transformers load.

    python -m engine.demo.export --run runs/demo --to engine/demo/checkpoint
    python -m engine.demo.export --run runs/further --blend runs/demo/joint.pt 0.4
    python -m engine.demo.export --run runs/more --blend engine/demo/checkpoint 0.5

vLLM expects the experts as the original Qwen3-VL-MoE holds them, which is transposed from how
transformers keeps them in memory. With square experts no shape check would notice a mistake.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerFast

from engine.demo import model as shape
from engine.demo import tokens

EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")
LIMIT = 20 * 1024 * 1024
"""Bytes that a checkpoint may have."""


def swap_experts(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Between the layout of the checkpoint and that of transformers; its own inverse."""
    return {name: weight.mT if name.endswith(EXPERTS) else weight for name, weight in weights.items()}


def export(weights: dict[str, Tensor], tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Fills `folder` anew with weights in bfloat16, configuration, processors and tokenizer."""
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    halves = {name: weight.to(torch.bfloat16).contiguous() for name, weight in swap_experts(weights).items()}
    save_file(halves, fresh / "model.safetensors", metadata={"format": "pt"})
    (fresh / "model.safetensors").chmod(0o644)
    config = shape.config(len(tokenizer))
    config.architectures = ["Qwen3VLMoeForConditionalGeneration"]
    config.dtype = torch.bfloat16
    config.save_pretrained(fresh)
    GenerationConfig(eos_token_id=shape.IM_END, pad_token_id=shape.PAD, do_sample=False).save_pretrained(
        fresh
    )
    tokenizer.save_pretrained(fresh)
    for name, content in (
        ("preprocessor_config.json", shape.IMAGE_PROCESSOR),
        ("video_preprocessor_config.json", shape.VIDEO_PROCESSOR),
    ):
        (fresh / name).write_text(json.dumps(content, indent=2) + "\n")
    size = sum(file.stat().st_size for file in fresh.iterdir())
    if size > LIMIT:
        raise ValueError(f"the checkpoint has {size} bytes, more than {LIMIT}")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def read_checkpoint(folder: Path) -> dict[str, Tensor]:
    """Weights of a checkpoint in float32 and in the layout of transformers."""
    weights = load_file(folder / "model.safetensors")
    return swap_experts({name: weight.float() for name, weight in weights.items()})


def read_state(path: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint's folder, or the running mean of those of a training state."""
    if path.is_dir():
        return read_checkpoint(path)
    mean: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)["mean"]
    return mean


def blend(run: Path, others: list[list[str]]) -> dict[str, Tensor]:
    """The run's weights mixed with those of others, each a path for `read_state` and its share.

    The mean of states of one lineage can answer better than each of them, above all where a further round
    ended before its learning rate had run out. Measure before shipping it.
    """
    own = 1 - sum(float(share) for _, share in others)
    mixed: dict[str, Tensor] = {}
    for path, share in [(run / "joint.pt", own), *((Path(name), float(share)) for name, share in others)]:
        for name, weight in read_state(path).items():
            mixed[name] = mixed.get(name, 0) + share * weight
    return mixed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="folder of the training run")
    parser.add_argument(
        "--blend",
        nargs=2,
        action="append",
        default=[],
        metavar=("STATE", "SHARE"),
        help="a joint.pt or checkpoint of the same lineage, and its share of the weights; may be repeated",
    )
    parser.add_argument("--to", type=Path, default=tokens.CHECKPOINT, help="folder to write")
    options = parser.parse_args()
    weights = blend(options.run, options.blend)
    export(weights, tokens.load(options.run / "tokenizer"), options.to)


if __name__ == "__main__":
    main()
