"""The served models: names, aliases and the engine behind each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping

from engine.base import Engine, Health
from engine.factory import build_engine
from gateway.errors import MODEL_NOT_FOUND, GatewayError
from gateway.settings import Settings


class Model:
    """One served model."""

    def __init__(self, name: str, engine: Engine, aliases: tuple[str, ...] = ()) -> None:
        self.name = name
        self.engine = engine
        self.aliases = aliases
        self.created = int(time.time())

    def health(self) -> Health:
        return self.engine.health()


class Models:
    """All served models, by name and alias. The first is the default."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        self._models = dict(models)
        self._by_name = {
            name: model for model in self._models.values() for name in (model.name, *model.aliases)
        }
        self.default = next(iter(self._models.values()))

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def get(self, name: str | None) -> Model:
        """The model under this name or alias; the default for `None`. Raises `GatewayError`."""
        if not name:
            return self.default
        if model := self._by_name.get(name):
            return model
        raise GatewayError(MODEL_NOT_FOUND, f"The model {name[:100]!r} is not served here.", param="model")

    async def load(self) -> None:
        """Load every engine, one after the other. Raises `EngineUnavailable`."""
        for model in self:
            await model.engine.load()

    async def aclose(self) -> None:
        await asyncio.gather(*(model.engine.aclose() for model in self))

    @property
    def ready(self) -> bool:
        return all(model.health().ready for model in self)

    @property
    def dead(self) -> bool:
        return any(model.health().dead for model in self)


def build_models(settings: Settings, engine: Engine | None = None) -> Models:
    """The models of the configuration; `engine`, where given, answers for all of them."""
    return Models(
        {
            name: Model(name, engine or build_engine(name, config.engine), tuple(config.aliases))
            for name, config in settings.models.items()
        }
    )
