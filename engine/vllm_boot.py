"""Starts AsyncLLM and the serving objects that vLLM's own server uses."""

from __future__ import annotations

import logging
import os
import time
from argparse import Namespace
from dataclasses import dataclass
from typing import Any

from engine.base import Health, ModelInfo
from engine.config import VllmConfig
from engine.vllm_lora import lora_flags

_FRESH_S = 1.0
"""Seconds for which an engine's figures hold where it tells each of several clients only now and then."""


@dataclass(frozen=True)
class CoreClient:
    """How one process reaches the cores. It may be handed over only while that process is started."""

    index: int
    count: int
    addresses: dict[str, Any]
    """vLLM's own, with sockets that are bound already."""


@dataclass
class Started:
    """A running engine. `llm` is set to `None` when it has been shut down."""

    llm: Any
    load: EngineLoad
    args: Namespace


def start(name: str, config: VllmConfig, client: CoreClient | None = None) -> Started:
    """Load the model, or become a client of cores that are started elsewhere. Blocks for seconds to
    minutes: call it in a thread.

    Raises whatever vLLM raises when a flag, the checkpoint or the memory is not right.
    """
    own = CoreClient(0, 1, {}) if client is None else client
    config_of_vllm, args = vllm_config(name, config, own.count, own.index)
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.async_llm import AsyncLLM

    load = EngineLoad(config.tensor_parallel * config.data_parallel, shared=own.count > 1)
    # Not held in a local: vLLM keeps tracebacks, and with them this frame.
    return Started(
        AsyncLLM.from_vllm_config(
            vllm_config=config_of_vllm,
            usage_context=UsageContext.OPENAI_API_SERVER,
            stat_loggers=[load.stat_logger],
            client_addresses=own.addresses or None,
            client_count=own.count,
            client_index=own.index,
        ),
        load,
        args,
    )


def vllm_config(name: str, config: VllmConfig, clients: int = 1, client: int = 0) -> tuple[Any, Namespace]:
    """vLLM's own configuration, and the flags it was made of. `client` is -1 for the process that
    starts cores for several clients."""
    _set_environment(config)
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    args = arguments(name, config)
    engine_args = AsyncEngineArgs.from_cli_args(args)
    engine_args._api_process_count, engine_args._api_process_rank = clients, client
    made = engine_args.create_engine_config(UsageContext.OPENAI_API_SERVER)
    if config.adapters and made.model_config.is_moe and not _has_cuda():
        raise ValueError("vLLM runs adapters of a mixture-of-experts model on a GPU only")
    return made, args


def _set_environment(config: VllmConfig) -> None:
    """What vLLM reads from the environment; what is set already is left as it is."""
    defaults = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": str(config.cpu_kv_cache_gb),
        "VLLM_LOGGING_LEVEL": config.log_level,
        "VLLM_MEDIA_CONNECTOR": "in_process",
    }
    if config.log_level == "ERROR":
        defaults |= {
            "TRANSFORMERS_VERBOSITY": "error",
            "TORCH_CPP_LOG_LEVEL": "ERROR",
            "PYTHONWARNINGS": "ignore::FutureWarning",
        }
    if os.path.isdir(config.model):
        defaults["HF_HUB_OFFLINE"] = "1"
    for key, value in defaults.items():
        os.environ.setdefault(key, value)
    os.environ["ENGINE_OWNER_PID"] = str(os.getpid())  # with whom the engine's processes end
    if config.log_level != "DEBUG":
        logging.getLogger("vllm").setLevel(config.log_level)


def arguments(name: str, config: VllmConfig) -> Namespace:
    """The flags of `vllm serve` that `config` stands for. Raises `ValueError` for an unknown one."""
    from vllm.entrypoints.launchers.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    from engine import vllm_tools  # registers the parser

    flags: dict[str, Any] = {
        "model": config.model,
        "served-model-name": name,
        "tensor-parallel-size": config.tensor_parallel,
        "data-parallel-size": config.data_parallel,
        "max-num-seqs": config.max_num_seqs,
        "limit-mm-per-prompt": f'{{"image": {config.max_images}, "video": {config.max_videos}}}',
        "scheduling-policy": "priority",  # lanes have priorities; equal ones go first come, first served
        "generation-config": "vllm",
        # Compact JSON: no tokens spent on blanks, and no model lost in them.
        "structured-outputs-config": {"backend": "xgrammar", "disable_any_whitespace": True},
        # Tools as Qwen3-VL calls them; their arguments can only be what their schemas allow.
        "enable-auto-tool-choice": True,
        "tool-call-parser": vllm_tools.NAME,
        "tool-strict-level": "parameter",
        "enforce-eager": not _has_cuda(),  # compiling for a CPU doubles the boot and gained nothing
        "revision": config.revision,
        "max-model-len": config.max_model_len,
        **(lora_flags(config.adapters, cpu=not _has_cuda()) if config.adapters else {}),
        **config.args,
    }
    parser = make_arg_parser(FlexibleArgumentParser())
    try:
        args: Namespace = parser.parse_args(_as_words(flags))
    except SystemExit as error:
        raise ValueError(f"vLLM does not take these flags: {_as_words(config.args)}") from error
    return args


def _as_words(flags: dict[str, Any]) -> list[str]:
    import json

    words: list[str] = []
    for key, value in flags.items():
        if value is None or value is False:
            continue
        words.append(f"--{key.replace('_', '-')}")
        if isinstance(value, tuple):
            words.extend(value)
        elif value is not True:
            words.append(json.dumps(value) if isinstance(value, dict | list) else str(value))
    return words


async def serving_chat(started: Started) -> Any:
    """vLLM's chat-serving object, built as vLLM's own server builds it."""
    from starlette.datastructures import State
    from vllm.entrypoints.launchers.api_server.app_state import init_app_state

    from engine import vllm_request  # registers the in-process media connector

    assert os.environ["VLLM_MEDIA_CONNECTOR"] == vllm_request.CONNECTOR
    state = State()
    await init_app_state(started.llm, state, started.args, await started.llm.get_supported_tasks())
    return state.openai_serving_chat


def request_builder(started: Started) -> Any:
    from engine.vllm_request import RequestBuilder

    tokenizer = started.llm.get_tokenizer()
    return RequestBuilder({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()})


def model_info(started: Started) -> ModelInfo:
    config = started.llm.model_config
    return ModelInfo(
        max_context=config.max_model_len,
        experts_per_token=getattr(config.hf_text_config, "num_experts_per_tok", None),
    )


class EngineLoad:
    """The engine's own figures, kept from the statistics that come with its outputs."""

    def __init__(self, devices: int, *, shared: bool = False) -> None:
        self._devices = devices
        self._shared = shared
        self._updated = 0.0
        self._memory_gb: float | None = None
        self._memory_due = 0.0
        self._of: dict[int, tuple[int, int, float]] = {}
        """Running, waiting and KV usage of each copy of the engine, by its number."""

    def stat_logger(self, vllm_config: Any, engine_index: int = 0) -> Any:
        """A factory in the form that AsyncLLM asks for."""
        from vllm.v1.metrics.loggers import StatLoggerBase

        load = self

        class _Recorder(StatLoggerBase):  # type: ignore[misc]
            def __init__(self) -> None:
                pass

            def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
                if scheduler_stats is not None:
                    load.update(engine_index, scheduler_stats)

            def log_engine_initialized(self) -> None:
                pass

        return _Recorder()

    def update(self, engine_index: int, stats: Any) -> None:
        self._updated = time.monotonic()
        waiting = stats.num_waiting_reqs + stats.num_skipped_waiting_reqs
        self._of[engine_index] = (stats.num_running_reqs, waiting, stats.kv_cache_usage)

    def health(self) -> Health:
        """All copies together: requests added up, the fullest cache. An engine that has nothing to say to
        this one of several clients counts as idle: its last word would otherwise hold for ever."""
        if self._shared and time.monotonic() - self._updated > _FRESH_S:
            self._of.clear()
        return Health(
            ready=False,
            running=sum(running for running, _, _ in self._of.values()),
            waiting=sum(waiting for _, waiting, _ in self._of.values()),
            kv_usage=max((usage for _, _, usage in self._of.values()), default=0.0),
            gpu_memory_gb=self._gpu_memory(),
        )

    def _gpu_memory(self) -> float | None:
        """Asked of the driver once a second at most: readiness is looked at with every request."""
        if (now := time.monotonic()) >= self._memory_due:
            self._memory_gb, self._memory_due = _gpu_memory_gb(self._devices), now + 1.0
        return self._memory_gb


def _has_cuda() -> bool:
    import torch

    return torch.version.cuda is not None and torch.cuda.is_available()


def _gpu_memory_gb(devices: int) -> float | None:
    """Memory in use on the first `devices` GPUs, in GB; `None` where there is none, or the driver tells
    nothing, as of a part of a GPU."""
    if not _has_cuda():
        return None
    from vllm.third_party import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(devices)]
        used: int = sum(pynvml.nvmlDeviceGetMemoryInfo(handle).used for handle in handles)
    except pynvml.NVMLError:
        return None
    return used / 1e9
