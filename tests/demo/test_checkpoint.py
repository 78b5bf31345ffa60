"""The checkpoint in the repository is small, whole, and laid out as vLLM expects it."""

import json

import pytest

from engine.demo.tokens import CHECKPOINT

LIMIT = 20 * 1024 * 1024
FILES = {
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "video_preprocessor_config.json",
}


def test_it_is_whole_and_small():
    files = list(CHECKPOINT.iterdir())
    assert {file.name for file in files} == FILES
    assert sum(file.stat().st_size for file in files) <= LIMIT


def test_experts_lie_as_in_the_original_layout():
    """[experts, in, out], the transpose of what transformers keeps in memory."""
    safetensors = pytest.importorskip("safetensors")
    text = json.loads((CHECKPOINT / "config.json").read_text())["text_config"]
    experts, hidden, inner = text["num_local_experts"], text["hidden_size"], text["moe_intermediate_size"]
    with safetensors.safe_open(CHECKPOINT / "model.safetensors", "pt") as weights:
        layer = "model.language_model.layers.0.mlp.experts."
        assert weights.get_slice(layer + "gate_up_proj").get_shape() == [experts, hidden, 2 * inner]
        assert weights.get_slice(layer + "down_proj").get_shape() == [experts, inner, hidden]


def test_the_template_keeps_the_system_message_and_the_order_of_parts():
    pytest.importorskip("transformers")
    from engine.demo.tokens import load

    parts = [{"type": "text", "text": "Look:"}, {"type": "image"}, {"type": "video"}]
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]
    assert load().apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nLook:<|vision_start|><|image_pad|><|vision_end|>"
        "<|vision_start|><|video_pad|><|vision_end|><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_one_token_for_every_digit_and_capital():
    pytest.importorskip("transformers")
    from engine.demo.tokens import load

    tokenizer = load()
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("A4821Z", add_special_tokens=False)) == list(
        "A4821Z"
    )
