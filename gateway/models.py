"""The served models: names, aliases, and the engines behind each."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engine.base import Engine, Health
from engine.config import EngineConfig, RemoteConfig, ScriptedConfig, VllmConfig
from engine.factory import build_engine
from gateway.call import Lane
from gateway.errors import MODEL_NOT_FOUND, GatewayError
from gateway.settings import ModelSettings, Settings

if TYPE_CHECKING:
    from engine.vllm_boot import CoreClient


class Pool(msgspec.Struct, frozen=True):
    """One engine, and how many requests it works on at the same time."""

    engine: Engine
    slots: int
    lane: Lane | None = None
    """The only lane it is there for; `None` for all that have no engine of their own."""
    remote: bool = False
    """Whether it runs elsewhere, and may be absent for a while."""


class Model:
    """One served model."""

    def __init__(
        self,
        name: str,
        pool: Pool,
        aliases: tuple[str, ...] = (),
        *,
        lane_pools: Mapping[Lane, Pool] | None = None,
        fallback: str | None = None,
        revision: str = "",
        parent: str | None = None,
    ) -> None:
        self.name = name
        self.aliases = aliases
        self.parent = parent
        """Name of the model on whose engine this one is an adapter."""
        self.fallback = fallback
        """Name of the smaller model that may answer in its place."""
        self.revision = revision
        """Changes when other weights answer under the same name."""
        self.created = int(time.time())
        self._pool = pool
        self._lane_pools = dict(lane_pools or {})

    @property
    def engine(self) -> Engine:
        return self._pool.engine

    @property
    def remote(self) -> bool:
        return self._pool.remote

    @property
    def pools(self) -> tuple[Pool, ...]:
        return (self._pool, *self._lane_pools.values())

    def pool(self, lane: Lane) -> Pool:
        """The engine that answers in this lane."""
        return self._lane_pools.get(lane, self._pool)

    def adapter(self, name: str, revision: str) -> Model:
        """An adapter on this model's engines: it shares their slots, and whoever answers in their place."""
        return Model(
            name,
            self._pool,
            lane_pools=self._lane_pools,
            fallback=self.fallback,
            revision=revision,
            parent=self.name,
        )

    def health(self) -> Health:
        """That of its own engine. A lane whose pool is down is overloaded; the other lanes are not."""
        return self.engine.health()


class Models:
    """All served models, adapters among them, by name and alias. The first is the default."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = dict(models)
        self._by_name = {
            name: model for model in self._models.values() for name in (model.name, *model.aliases)
        }
        self.default = next(iter(self._models.values()))
        self._loaded = False

    @property
    def names(self) -> Collection[str]:
        """Every name and alias."""
        return self._by_name.keys()

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    @property
    def bases(self) -> list[Model]:
        """Those with engines of their own: all but the adapters."""
        return [model for model in self if model.parent is None]

    def get(self, name: str | None) -> Model:
        """The model under this name or alias; the default for `None`. Raises `GatewayError`."""
        if not name:
            return self.default
        if model := self._by_name.get(name):
            return model
        raise GatewayError(MODEL_NOT_FOUND, f"The model {name[:100]!r} is not served here.", param="model")

    def chain(self, name: str) -> list[Model]:
        """The model, and after it those that may answer in its place, in order."""
        chain = [self.get(name)]
        while fallback := chain[-1].fallback:
            chain.append(self.get(fallback))
        return chain

    async def load(self) -> None:
        """Load every engine: embedded ones one after the other, since each wants the whole machine
        meanwhile; remote ones beside them. Raises `EngineUnavailable`."""
        remote = [asyncio.create_task(pool.engine.load()) for pool in self._pools() if pool.remote]
        try:
            for pool in self._pools():
                if not pool.remote:
                    await pool.engine.load()
            self._loaded = True
            await asyncio.gather(*remote)
        finally:
            for task in remote:
                task.cancel()

    def _pools(self) -> Iterator[Pool]:
        return (pool for model in self.bases for pool in model.pools)

    async def aclose(self) -> None:
        await asyncio.gather(*(pool.engine.aclose() for pool in self._pools()))

    @property
    def ready(self) -> bool:
        """Whether all embedded models are loaded, and each of them and the default one answers, itself or
        by the smaller one in its place. Other remote models may be absent: their requests are told so."""
        return self._loaded and all(
            any(one.health().ready for one in self.chain(model.name))
            for model in self
            if model is self.default or not model.remote
        )

    @property
    def dead(self) -> bool:
        """Whether an engine has died for good, and nothing answers in its place."""
        return not self.ready and any(model.health().dead for model in self)


Clients = Mapping[tuple[str, Lane | None], "CoreClient"]
"""How a process reaches embedded engines that another one has started, by model and by the lane of a pool."""


def build_models(
    settings: Settings,
    engine: Engine | Mapping[str, Engine] | None = None,
    clients: Clients | None = None,
) -> Models:
    """The models of the configuration. An `engine`, where given, answers for all of them, or for
    those under whose names it is given. One of several worker processes has its share of all slots."""
    given = engine if isinstance(engine, Mapping) else dict.fromkeys(settings.models, engine)

    def pool(name: str, config: EngineConfig, lane: Lane | None = None) -> Pool:
        own = given.get(name)
        remote = isinstance(config, RemoteConfig) and own is None
        config = traced(config, settings)
        built = own or build_engine(name, config, (clients or {}).get((name, lane)))
        return Pool(built, config.slots // settings.server.workers, lane, remote)

    models: dict[str, Model] = {}
    for name, config in settings.models.items():
        model = models[name] = _model(name, config, pool)
        for adapter, source in config.engine.adapters.items():
            models[adapter] = model.adapter(adapter, _digest(model.revision, source, *_files(source)))
    return Models(models)


def _model(name: str, config: ModelSettings, pool: Callable[..., Pool]) -> Model:
    return Model(
        name,
        pool(name, config.engine),
        tuple(config.aliases),
        lane_pools={lane: pool(name, own, lane) for lane, own in config.pools.items()},
        fallback=config.fallback,
        revision=_revision(config.engine),
    )


def traced(config: EngineConfig, settings: Settings) -> EngineConfig:
    """An embedded engine sends its spans where the gateway sends its own."""
    spans = settings.telemetry.otlp_endpoint
    if not isinstance(config, VllmConfig) or not spans:
        return config
    return config.model_copy(update={"args": {"otlp-traces-endpoint": spans, **config.args}})


def _revision(config: EngineConfig) -> str:
    """A digest over what decides which weights answer, and how they are run."""
    if isinstance(config, ScriptedConfig):
        parts = [config.answer]
    elif isinstance(config, RemoteConfig):
        parts = [config.base_url, config.model]
    else:
        parts = [config.model, str(config.revision), str(sorted(config.args.items())), *_files(config.model)]
    return _digest(config.kind, *parts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _files(model: str) -> list[str]:
    """Name, size and time of a local checkpoint's files; nothing for one of a hub, which has revisions."""
    folder = Path(model)
    if not folder.is_dir():
        return []
    stats = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]
