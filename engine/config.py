"""How an engine is configured. Plain, frozen data; `engine/factory.py` turns it into an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from engine.http.origin import Origin

DEMO_CHECKPOINT = Path(__file__).parent / "demo" / "checkpoint"


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VllmConfig(_Config):
    """vLLM's AsyncLLM, embedded in this process."""

    kind: Literal["vllm"] = Field(default="vllm", description="The kind of engine.")
    model: str = Field(
        default=str(DEMO_CHECKPOINT),
        description="Folder or hub name of the checkpoint. Default: the shipped demo checkpoint.",
    )
    revision: str | None = Field(default=None, description="Revision of a hub checkpoint.")
    tensor_parallel: int = Field(
        default=1, ge=1, description="GPUs (or CPU groups) the weights are split over."
    )
    data_parallel: int = Field(
        default=1, ge=1, description="Copies of the engine, which share the requests among them."
    )
    max_model_len: int | None = Field(
        default=None, ge=256, description="Context length in tokens; the model's own where empty."
    )
    max_num_seqs: int = Field(
        default=16, ge=1, description="Requests that run at the same time, in each copy."
    )
    max_images: int = Field(default=32, ge=0, description="Images in one request.")
    max_videos: int = Field(default=1, ge=0, description="Videos in one request.")
    cpu_kv_cache_gb: int = Field(
        default=1, ge=1, description="KV cache in GiB where the engine runs on a CPU."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="ERROR", description="How much the engine itself writes to the log."
    )
    adapters: dict[str, str] = Field(
        default_factory=dict,
        description="LoRA adapters that are served as models of their own: the folder of each, by its name.",
    )
    args: dict[str, Any] = Field(
        default_factory=dict,
        description="Further flags of `vllm serve`, without the leading dashes, such as `quantization: fp8`.",
    )

    @property
    def slots(self) -> int:
        """Requests the engine works on at the same time."""
        return self.max_num_seqs * self.data_parallel


class RemoteConfig(_Config):
    """Any server that speaks OpenAI's API: vLLM, SGLang, DashScope's compatible mode and others."""

    kind: Literal["remote"] = Field(description="The kind of engine.")
    base_url: str = Field(description="Address of the server's API, up to and including `/v1`.")
    model: str = Field(description="The name under which that server serves the model.")
    api_key: SecretStr | None = Field(default=None, description="Key sent as a bearer token.")
    connect_timeout_s: float = Field(default=5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout_s: float = Field(
        default=120.0, gt=0, description="Seconds to wait for the next bytes of a stream."
    )
    max_connections: int = Field(
        default=256, ge=1, description="Requests it is sent at a time, each over a connection of its own."
    )
    retries: int = Field(default=2, ge=0, description="Tries after the first, before any chunk has come.")
    max_context: int | None = Field(default=None, ge=256, description="Context length in tokens, if known.")
    experts_per_token: int | None = Field(default=None, ge=1, description="Experts per token, if known.")
    adapters: dict[str, str] = Field(
        default_factory=dict,
        description="LoRA adapters of that server: its name for each, by its name here.",
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        Origin.of(value)
        return value

    @property
    def slots(self) -> int:
        """Requests the gateway sends at the same time."""
        return self.max_connections


class ScriptedConfig(_Config):
    """A deterministic engine without a model, for tests and for work on user interfaces."""

    kind: Literal["scripted"] = Field(description="The kind of engine.")
    answer: str = Field(default="", description="What it answers; empty: it describes what it was sent.")
    reasoning: str = Field(default="", description="What it thinks aloud before it answers.")
    adapters: dict[str, str] = Field(
        default_factory=dict, description="Further names, and what is answered under each."
    )
    token_delay_ms: float = Field(default=0.0, ge=0, description="Pause before each token.")
    first_token_delay_ms: float = Field(default=0.0, ge=0, description="Pause before the first token.")
    max_running: int = Field(
        default=64, ge=1, description="Requests at a time; more are refused as overload."
    )

    @property
    def slots(self) -> int:
        """Requests the engine works on at the same time."""
        return self.max_running


EngineConfig = Annotated[VllmConfig | RemoteConfig | ScriptedConfig, Field(discriminator="kind")]
