"""What one running gateway holds; routes and middleware find it in `scope["state"]`."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
from starlette.types import Scope

from gateway.models import Models
from gateway.settings import Settings
from gateway.stages.base import Handler, Services
from gateway.tasks import Task
from gateway.telemetry import Telemetry


class Gateway(msgspec.Struct):
    services: Services
    handler: Handler
    started: float = msgspec.field(default_factory=time.monotonic)
    admin_port: int | None = None
    """The port that the admin API has for itself; `None` where it shares the other."""
    draining: bool = False
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
    def ready(self) -> bool:
        return not self.draining and self.warm and self.models.ready


def gateway_of(scope: Scope) -> Gateway:
    gateway: Gateway = scope["app"].state.gateway
    return gateway
