"""The whole configuration: one typed tree from a YAML file, the environment and flags.

Later sources win: file, then `QWEN_VL_*` variables (`QWEN_VL_SERVER__PORT=9000`), then flags.
A wrong or unknown setting raises `SettingsError` with a sentence that names it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, FilePath, IPvAnyNetwork, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from engine.config import EngineConfig, VllmConfig
from gateway.call import Lane
from gateway.settings_dispatch import (
    CacheSettings,
    LanesSettings,
    OverloadSettings,
    Section,
    TaskSettings,
    check_fallbacks,
)

PREFIX = "QWEN_VL_"
DEFAULT_MODEL = "qwen3-vl-30b"


class SettingsError(Exception):
    """A setting is wrong or unknown; `str()` is a sentence for the operator."""


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    cors_origins: list[str] = Field(
        default_factory=list,
        description='Origins whose pages may call the API from a browser; `["*"]` for all.',
    )
    max_body_mb: float = Field(default=64, gt=0, description="Largest request body in MB.")
    drain_timeout_s: float = Field(
        default=30, ge=0, description="Seconds that running requests get to finish after SIGTERM."
    )
    request_timeout_s: float = Field(default=30, gt=0, description="Seconds one interactive answer may take.")
    long_request_timeout_s: float = Field(
        default=120, gt=0, description="Seconds a document or video answer may take."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the gateway writes to the log."
    )
    task_folder: str | None = Field(
        default=None, description="Folder with tasks of your own, a YAML file each; see docs/tasks.md."
    )


class BucketSettings(Section):
    """One bucket of an object store that speaks S3."""

    endpoint: str = Field(description="Address of the store, such as `https://oss-cn-hangzhou.aliyuncs.com`.")
    region: str = Field(default="us-east-1", description="Region that requests are signed for.")
    access_key: str | None = Field(default=None, description="Access key; empty for a public bucket.")
    secret_key: SecretStr | None = Field(default=None, description="Secret of the access key.")
    virtual_host: bool = Field(
        default=False, description="Whether the bucket's name is part of the host (OSS)."
    )
    tenants: list[str] = Field(
        default_factory=list, description="Tenants that may read the bucket; empty for all of them."
    )


class MediaSettings(Section):
    max_items: int = Field(default=64, ge=1, description="Most media of one request.")
    max_request_mb: float = Field(
        default=64, gt=0, description="Most bytes of one request's media together, in MB."
    )
    max_image_mb: float = Field(default=10, gt=0, description="Largest image file in MB.")
    max_pixels_m: float = Field(
        default=40, gt=0, description="Most pixels of one image in millions, checked before it is decoded."
    )
    max_request_pixels_m: float = Field(
        default=160, gt=0, description="Most pixels of one request's images together, in millions."
    )
    max_side: int = Field(
        default=2048, ge=64, description="Longer side in pixels to which larger images are scaled down."
    )
    max_pdf_mb: float = Field(default=40, gt=0, description="Largest PDF file in MB.")
    max_pages: int = Field(default=32, ge=1, description="Most pages of one document that are read.")
    pdf_dpi: int = Field(default=144, ge=36, le=600, description="Dots per inch at which pages are rendered.")
    pdf_timeout_s: float = Field(default=10, gt=0, description="Seconds one page may take to render.")
    max_video_mb: float = Field(default=40, gt=0, description="Largest video file in MB.")
    max_video_s: float = Field(default=30, gt=0, description="Longest video in seconds.")
    video_fps: float = Field(default=2, gt=0, description="Frames a second that the model sees of a video.")
    max_frames: int = Field(default=32, ge=2, description="Most frames of one video that the model sees.")
    max_video_pixels_m: float = Field(
        default=8,
        gt=0,
        description="Most pixels of one video's frames together, in millions; frames are scaled down.",
    )
    video_timeout_s: float = Field(default=20, gt=0, description="Seconds one video may take to decode.")
    workers: int = Field(default=2, ge=1, description="Threads that decode media.")
    files_dir: Path | None = Field(
        default=None,
        description="Folder of uploaded files; a temporary one, gone with the process, where empty.",
    )
    max_files_mb: float = Field(default=2048, gt=0, description="Most MB of uploaded files of one tenant.")
    file_ttl_h: float = Field(default=24, gt=0, description="Hours after which an uploaded file is deleted.")
    buckets: dict[str, BucketSettings] = Field(
        default_factory=dict, description="Buckets that `s3://name/key` and `oss://name/key` may name."
    )


class FetchSettings(Section):
    enabled: bool = Field(default=True, description="Whether addresses given by clients are fetched at all.")
    allow_domains: list[str] = Field(
        default_factory=list,
        description="Domains that may be fetched from, their subdomains included; empty for all public ones.",
    )
    private_networks: list[IPvAnyNetwork] = Field(
        default_factory=list,
        description='Networks that may be fetched from although not public: `["10.1.0.0/16"]`.',
    )
    ports: list[int] = Field(
        default_factory=lambda: [80, 443, 8080, 8443],
        description="Ports that may be fetched from; empty for all.",
    )
    connect_timeout_s: float = Field(default=5, gt=0, description="Seconds to look up and connect to a host.")
    idle_timeout_s: float = Field(default=5, gt=0, description="Seconds to wait for the next bytes.")
    total_timeout_s: float = Field(
        default=15, gt=0, description="Seconds for one address, redirects included."
    )
    max_redirects: int = Field(default=3, ge=0, description="Redirects that are followed, each checked anew.")
    max_connections: int = Field(default=64, ge=1, description="Connections to all hosts together.")
    keep_mb: float = Field(
        default=64,
        ge=0,
        description="MB of fetched files kept; each use asks the host whether it has changed.",
    )


class ModerationSettings(Section):
    """A server that speaks OpenAI's moderation API."""

    base_url: str = Field(description="Address of the API, up to and including `/v1`.")
    api_key: SecretStr | None = Field(default=None, description="Key sent as a bearer token.")
    model: str | None = Field(
        default=None, description="Model named in each request, where the server needs one."
    )
    timeout_s: float = Field(default=5, gt=0, description="Seconds one verdict may take.")
    passage_chars: int = Field(
        default=200,
        ge=20,
        description="Characters of a streamed answer that are held back and judged together.",
    )


class SafetySettings(Section):
    classify_images: bool = Field(
        default=True, description="Whether images and video frames pass an NSFW classifier."
    )
    nsfw_threshold: float = Field(
        default=0.8, gt=0, le=1, description="Score of the classifier from which an image is refused."
    )
    video_frames: int = Field(default=8, ge=1, description="Frames of a video that are classified.")
    terms: list[str] = Field(
        default_factory=list, description="Words and phrases that prompts and answers must not hold."
    )
    terms_file: FilePath | None = Field(
        default=None, description="File with further terms, one a line; `#` begins a comment."
    )
    moderation: ModerationSettings | None = Field(
        default=None, description="A moderation endpoint that judges prompts and answers as well."
    )
    fail_open: bool = Field(
        default=False,
        description="Whether content passes unjudged while a classifier fails, instead of being refused.",
    )
    mask_answers: bool = Field(
        default=False, description="Whether personal numbers and addresses are masked in every answer."
    )


class ModelSettings(Section):
    engine: EngineConfig = Field(default_factory=VllmConfig, description="What answers for this model.")
    aliases: list[str] = Field(
        default_factory=list, description="Further names under which clients may ask for it."
    )
    pools: dict[Lane, EngineConfig] = Field(
        default_factory=dict, description="Engines of their own for lanes, by lane; the rest share `engine`."
    )
    fallback: str | None = Field(
        default=None, description="The smaller model that answers while this one is overloaded."
    )


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings = Field(default_factory=ServerSettings, description="The HTTP server.")
    media: MediaSettings = Field(
        default_factory=MediaSettings, description="What may come in, and how it is read."
    )
    fetch: FetchSettings = Field(
        default_factory=FetchSettings, description="How addresses of clients are fetched."
    )
    safety: SafetySettings = Field(default_factory=SafetySettings, description="Which content is refused.")
    models: dict[str, ModelSettings] = Field(
        default_factory=lambda: {DEFAULT_MODEL: ModelSettings(aliases=["qwen3-vl"])},
        min_length=1,
        description="The served models by name; the first one answers where a request names none.",
    )
    cache: CacheSettings = Field(default_factory=CacheSettings, description="Answers that are given again.")
    lanes: LanesSettings = Field(default_factory=LanesSettings, description="How requests share an engine.")
    overload: OverloadSettings = Field(
        default_factory=OverloadSettings, description="When an engine counts as full or unhealthy."
    )
    tasks: dict[str, TaskSettings] = Field(
        default_factory=dict, description="What single tasks do differently."
    )

    @model_validator(mode="after")
    def _models_fit_together(self) -> Settings:
        names = [name for key, model in self.models.items() for name in (key, *model.aliases)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"these model names are given twice: {', '.join(sorted(twice))}")
        check_fallbacks({name: model.fallback for name, model in self.models.items()})
        return self

    @property
    def default_model(self) -> str:
        return next(iter(self.models))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        flags = dict(init_settings.init_kwargs)  # type: ignore[attr-defined]
        file = flags.pop("_file", {})
        return (
            InitSettingsSource(settings_cls, flags),
            env_settings,
            InitSettingsSource(settings_cls, file),
        )


def load_settings(file: str | Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Read the configuration. `flags` is a tree such as `{"server": {"port": 9000}}`.

    Raises `SettingsError`.
    """
    tree = _read_file(Path(file)) if file else {}
    _refuse_unknown_variables()
    try:
        return Settings(_file=tree, **(flags or {}))  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise SettingsError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The configuration file {path} is not valid YAML: {error}") from error
    if not isinstance(tree, dict):
        raise SettingsError(f"The configuration file {path} must hold settings by name.")
    return tree


def _refuse_unknown_variables() -> None:
    """pydantic-settings reads the variables it knows and passes over the rest; a typo must not pass."""
    for variable in os.environ:
        if variable.upper().startswith(PREFIX):
            top = variable.upper().removeprefix(PREFIX).split("__")[0].lower()
            if top not in Settings.model_fields:
                raise SettingsError(f"The environment variable {variable} names no setting.")


def _sentence(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "configuration"
        if problem["type"] == "extra_forbidden":
            lines.append(f"There is no setting {name}.")
        else:
            lines.append(f"The setting {name} is wrong: {problem['msg']}.")
    return " ".join(lines)
