"""The whole tree: every section, and the served models."""

from __future__ import annotations

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from engine.config import EngineConfig, VllmConfig
from gateway.call import Lane
from gateway.settings.accounts import AccountsSettings, UsageSettings
from gateway.settings.archive import ArchiveSettings
from gateway.settings.audit import AuditSettings
from gateway.settings.dispatch import (
    CacheSettings,
    LanesSettings,
    OverloadSettings,
    StateSettings,
    TaskSettings,
    check_fallbacks,
)
from gateway.settings.jobs import JobsSettings
from gateway.settings.media import FetchSettings, MediaSettings
from gateway.settings.safety import SafetySettings
from gateway.settings.section import Section
from gateway.settings.server import ServerSettings
from gateway.settings.telemetry import TelemetrySettings

PREFIX = "QWEN_VL_"
DEFAULT_MODEL = "qwen3-vl-30b"


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

    @model_validator(mode="after")
    def _pools_have_the_same_adapters(self) -> ModelSettings:
        for lane, pool in self.pools.items():
            if pool.adapters.keys() != self.engine.adapters.keys():
                raise ValueError(f"the pool of the lane {lane} has other adapters than the engine")
        return self


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
    state: StateSettings = Field(
        default_factory=StateSettings, description="What must not be lost: keys, quotas, jobs."
    )
    accounts: AccountsSettings = Field(
        default_factory=AccountsSettings, description="Keys: who may do what, and how much of it."
    )
    usage: UsageSettings = Field(default_factory=UsageSettings, description="What was used, and by whom.")
    audit: AuditSettings = Field(
        default_factory=AuditSettings, description="A line for each request: who asked what, and the outcome."
    )
    archive: ArchiveSettings = Field(
        default_factory=ArchiveSettings,
        description="Originals and results, kept for review and training; see docs/archive.md.",
    )
    jobs: JobsSettings = Field(
        default_factory=JobsSettings, description="Requests that are answered later; see docs/jobs.md."
    )
    cache: CacheSettings = Field(default_factory=CacheSettings, description="Answers that are given again.")
    lanes: LanesSettings = Field(default_factory=LanesSettings, description="How requests share an engine.")
    overload: OverloadSettings = Field(
        default_factory=OverloadSettings, description="When an engine counts as full or unhealthy."
    )
    telemetry: TelemetrySettings = Field(
        default_factory=TelemetrySettings, description="Where traces of requests are sent."
    )
    tasks: dict[str, TaskSettings] = Field(
        default_factory=dict, description="What single tasks do differently."
    )

    @model_validator(mode="after")
    def _models_fit_together(self) -> Settings:
        names = self.model_names
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"these model names are given twice: {', '.join(sorted(twice))}")
        fallbacks = {name: model.fallback for name, model in self.models.items()}
        check_fallbacks(fallbacks | {name: fallbacks[base] for name, base in self.adapters.items()})
        return self

    @model_validator(mode="after")
    def _every_worker_has_a_slot(self) -> Settings:
        for name, model in self.models.items():
            for engine in (model.engine, *model.pools.values()):
                if engine.slots < self.server.workers:
                    raise ValueError(
                        f"server.workers is larger than the {engine.slots} requests that an engine of {name} "
                        "works on at a time"
                    )
        return self

    @property
    def model_names(self) -> list[str]:
        """Every name and alias under which a model is served."""
        own = [name for key, model in self.models.items() for name in (key, *model.aliases)]
        return own + [name for model in self.models.values() for name in model.engine.adapters]

    @property
    def adapters(self) -> dict[str, str]:
        """The model that each adapter belongs to."""
        return {name: key for key, model in self.models.items() for name in model.engine.adapters}

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
