"""The flags under which vLLM serves LoRA adapters under names of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_CONFIG = "adapter_config.json"


def lora_flags(adapters: Mapping[str, str], *, cpu: bool) -> dict[str, Any]:
    """Flags of `vllm serve` for adapters, given as folders in PEFT's layout, or names on the hub, by name.

    All of them may work in one batch, and the largest rank decides how much memory each takes.
    Raises `ValueError` for a folder that is no adapter.
    """
    # On a CPU, vLLM lets a request without an adapter have the one in the last place, if its batch holds
    # others with theirs: a place more than there are adapters stays empty, and does nothing.
    spare = 1 if cpu else 0
    flags: dict[str, Any] = {
        "enable-lora": True,
        "max-loras": len(adapters) + spare,
        "lora-modules": tuple(json.dumps({"name": name, "path": path}) for name, path in adapters.items()),
    }
    if ranks := [rank for name, path in adapters.items() if (rank := _rank(name, path)) is not None]:
        flags["max-lora-rank"] = _allowed(max(ranks))
    return flags


def _rank(name: str, path: str) -> int | None:
    """The rank of a local adapter; `None` for one that vLLM fetches from the hub."""
    folder = Path(path)
    if not folder.is_dir():
        if folder.is_absolute() or path.startswith("."):
            raise ValueError(f"The adapter {name} is not there: {path} is no folder.")
        return None
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        return max(int(config["r"]), *map(int, (config.get("rank_pattern") or {}).values()), 1)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"The adapter {name} cannot be read: {path}/{_CONFIG} holds no rank.") from error


def _allowed(rank: int) -> int:
    """The smallest of the ranks that vLLM makes room for which holds this one."""
    from typing import get_args

    from vllm.config.lora import MaxLoRARanks

    return next((allowed for allowed in sorted(get_args(MaxLoRARanks)) if allowed >= rank), rank)
