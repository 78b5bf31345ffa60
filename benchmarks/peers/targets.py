"""What was aimed at, as ratios within one run, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Figures = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Of one group: by plan, system and name of the figure."""


class Measured(msgspec.Struct):
    """One group's run."""

    meaning: str
    base: str
    machine: str
    day: str
    plans: dict[str, dict[str, dict[str, Any]]]
    memory_mb: dict[str, tuple[float, float]]
    """Resident: of the process that serves HTTP, and of all processes of the system."""


class Target(msgspec.Struct, frozen=True):
    title: str
    title_zh: str
    group: str
    unit: str
    aim: float
    at_least: bool
    value: Callable[[Measured], float]

    def hit(self, value: float) -> bool:
        return value >= self.aim if self.at_least else value <= self.aim


def _ratio(plan: str, figure: str, own: str, other: str) -> Callable[[Measured], float]:
    return lambda run: run.plans[plan][own][figure] / run.plans[plan][other][figure]


def _later(plan: str, figure: str, own: str, other: str) -> Callable[[Measured], float]:
    return lambda run: run.plans[plan][own][figure] - run.plans[plan][other][figure]


def _added(other: str) -> Callable[[Measured], float]:
    """Latency that the gateway adds to the stub's, as a multiple of what another proxy adds."""
    plan = "text, 1 in flight"

    def value(run: Measured) -> float:
        added = {
            name: found["total_p50"] - run.plans[plan]["stub"]["total_p50"]
            for name, found in run.plans[plan].items()
        }
        return added["gateway-remote"] / added[other]

    return value


def _memory(run: Measured) -> float:
    return run.memory_mb["gateway"][0] - run.memory_mb["vllm"][0]


def _against_vllm(group: str, note: str, note_zh: str) -> tuple[Target, ...]:
    def rate(plan: str) -> Callable[[Measured], float]:
        return _ratio(f"{plan}, 16 in flight", "requests_per_s", "gateway", "vllm")

    return (
        Target(
            f"New 224 px image{note}, requests/s ÷ vLLM's server",
            f"新的 224 px 图片{note_zh}，请求数/秒 ÷ vLLM 自带服务",
            group,
            "×",
            1.0,
            True,
            rate("image"),
        ),
        Target(
            f"New 1080p JPEG{note}, requests/s ÷ vLLM's server",
            f"新的 1080p JPEG{note_zh}，请求数/秒 ÷ vLLM 自带服务",
            group,
            "×",
            1.0,
            True,
            rate("photo"),
        ),
        Target(
            f"Same image, new question{note}, requests/s ÷ vLLM's server",
            f"同一图片、新问题{note_zh}，请求数/秒 ÷ vLLM 自带服务",
            group,
            "×",
            1.2,
            True,
            rate("reuse"),
        ),
    )


TARGETS: tuple[Target, ...] = (
    *_against_vllm("embedded", "", ""),
    Target(
        "32-token streams, tokens/s ÷ vLLM's server",
        "32 个 token 的流，token/秒 ÷ vLLM 自带服务",
        "embedded",
        "×",
        0.97,
        True,
        _ratio("stream, 16 in flight", "tokens_per_s", "gateway", "vllm"),
    ),
    Target(
        "Time to first token, one in flight, over vLLM's server",
        "首 token 时间（单请求），比 vLLM 自带服务多",
        "embedded",
        " ms",
        1.0,
        False,
        _later("stream, 1 in flight", "ttft_p50", "gateway", "vllm"),
    ),
    Target(
        "Memory of the HTTP process over vLLM's",
        "HTTP 进程内存，比 vLLM 的多",
        "embedded",
        " MB",
        150,
        False,
        _memory,
    ),
    *_against_vllm("classified", ", image classifier on", "（开启图片审核）"),
    Target(
        "Latency added to a stub ÷ what LiteLLM adds",
        "对空上游增加的延迟 ÷ LiteLLM 增加的",
        "stub",
        "×",
        0.1,
        False,
        _added("litellm"),
    ),
    Target(
        "Latency added to a stub ÷ what vllm-router adds",
        "对空上游增加的延迟 ÷ vllm-router 增加的",
        "stub",
        "×",
        4,
        False,
        _added("vllm-router"),
    ),
    Target(
        "Kept answer with a 512 px image, requests/s ÷ LiteLLM with Redis",
        "命中缓存（512 px 图片），请求数/秒 ÷ 带 Redis 的 LiteLLM",
        "cache",
        "×",
        30,
        True,
        _ratio("repeat, 32 in flight", "requests_per_s", "gateway", "litellm"),
    ),
    Target(
        "The same ÷ a bare prototype (6,000 of its 10,100 requests/s)",
        "同上 ÷ 裸原型（其 10,100 次/秒中的 6,000）",
        "cache",
        "×",
        0.59,
        True,
        _ratio("repeat, 32 in flight", "requests_per_s", "gateway", "prototype"),
    ),
    Target(
        "Its p50, one in flight ÷ the prototype's (0.4 of 0.21 ms)",
        "单请求 p50 ÷ 裸原型的（0.4 对 0.21 ms）",
        "cache",
        "×",
        1.9,
        False,
        _ratio("repeat, 1 in flight", "total_p50", "gateway", "prototype"),
    ),
)
