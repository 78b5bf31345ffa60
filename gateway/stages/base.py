"""The onion: each stage wraps the next, and the innermost asks the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.accounts.accounts import Accounts
from gateway.archive.service import Archive
from gateway.cache.answers import AnswerCache
from gateway.call import Call, Events
from gateway.media.base import MediaReader
from gateway.models import Models
from gateway.runtime.backlog import Backlog
from gateway.safety.base import Safety
from gateway.settings import Settings
from gateway.stores.state import StateStore
from gateway.tasks import Task
from gateway.telemetry import Telemetry


class Handler(Protocol):
    """Works on a call and gives back its events.

    A coroutine that returns an iterator: a stage that only prepares the call awaits, and then
    returns the next stage's iterator as it is, so that no chunk passes through it. What must be
    released at the end (a slot, a reservation) is taken inside an async generator, whose
    `finally` runs when the iterator is closed.
    """

    async def __call__(self, call: Call) -> Events: ...


class Services(msgspec.Struct, frozen=True):
    """What stages work with."""

    settings: Settings
    models: Models
    media: MediaReader
    safety: Safety
    telemetry: Telemetry
    answers: AnswerCache
    backlog: Backlog
    state: StateStore
    tasks: Mapping[str, Task]
    """Every task by its name, the operator's own among them."""
    accounts: Accounts
    archive: Archive | None
    """`None` where nothing is archived."""


class Stage(Protocol):
    def __call__(self, inner: Handler, services: Services) -> Handler: ...
