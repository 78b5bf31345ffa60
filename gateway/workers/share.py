"""One worker's part of what the configuration allows to all of them together."""

from __future__ import annotations

import math

from gateway.settings import LanesSettings, Settings


def part_of(settings: Settings, *, cache_url: str, state_url: str) -> Settings:
    """The settings of one worker. The stores have been started: the worker finds them by address.

    Slots of the engines are shared out where the models are built; see `gateway/models.py`.
    """
    count = settings.server.workers
    server = settings.server.model_copy(update={"max_bodies_mb": settings.server.max_bodies_mb / count})
    cache = settings.cache.model_copy(
        update={"url": cache_url, "memory_mb": settings.cache.memory_mb / count}
    )
    accounts = settings.accounts.model_copy(update={"replicas": settings.accounts.replicas * count})
    return settings.model_copy(
        update={
            "server": server,
            "cache": cache,
            "accounts": accounts,
            "lanes": _queues(settings.lanes, count),
            "state": settings.state.model_copy(update={"url": state_url}),
        }
    )


def _queues(lanes: LanesSettings, count: int) -> LanesSettings:
    """Queues are shared out too; one that may hold anything may hold something in every worker."""
    own: dict[str, object] = {
        name: lane.model_copy(update={"queue": math.ceil(lane.queue / count)})
        for name, lane in lanes.by_name.items()
    }
    return lanes.model_copy(update=own)
