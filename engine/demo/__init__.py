"""The demo checkpoint: a tiny Qwen3-VL-MoE with its data, training, export and evaluation.

Nothing in `gateway` imports this package; it reads the gateway's prompts, because they are what
the checkpoint is trained on.
"""

from engine import torchvision_cpu

torchvision_cpu.install()
