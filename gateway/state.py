"""What one running gateway holds; routes and middleware find it in `scope["state"]`."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
from starlette.types import Scope

from gateway.jobs.service import Jobs
from gateway.models import Models
from gateway.runtime.room import Room
from gateway.settings import Settings
from gateway.stages.base import Handler, Services
from gateway.tasks import Task
from gateway.telemetry import Telemetry
from gateway.telemetry.siblings import Siblings


class Gateway(msgspec.Struct):
    services: Services
    handler: Handler
    jobs: Jobs
    bodies: Room
    """Memory for the bodies of the requests in progress."""
    started: float = msgspec.field(default_factory=time.monotonic)
    siblings: Siblings | None = None
    """The other processes behind the same port; `None` where there is only this one."""
    admin_port: int | None = None
    """The port that the admin API has for itself; `None` where it shares the other."""
    drain_began: float | None = None
    """When the server began to shut down, as `started`; `None` while it serves."""
    warm: bool = False
    """Whether all beside the models is loaded."""
    load_error: str = ""
    """Why a model could not be loaded; empty while all is well."""

    @property
    def settings(self) -> Settings:
        return self.services.settings

    @property
    def models(self) -> Models:
        return self.services.models

    @property
    def tasks(self) -> Mapping[str, Task]:
        return self.services.tasks

    @property
    def telemetry(self) -> Telemetry:
        return self.services.telemetry

    @property
    def draining(self) -> bool:
        return self.drain_began is not None

    def drain(self) -> None:
        """Take nothing new from now on."""
        if self.drain_began is None:
            self.drain_began = time.monotonic()

    @property
    def drain_left_s(self) -> float:
        """Seconds that running work still has to finish."""
        since = time.monotonic() - self.drain_began if self.drain_began is not None else 0.0
        return max(0.0, self.settings.server.drain_timeout_s - since)

    @property
    def ready(self) -> bool:
        return not self.draining and self.warm and self.models.ready


def gateway_of(scope: Scope) -> Gateway:
    gateway: Gateway = scope["app"].state.gateway
    return gateway
