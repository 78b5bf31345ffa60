"""What one running gateway holds; routes and middleware find it in `scope["state"]`."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
from starlette.types import Scope

from gateway.models import Models
from gateway.settings import Settings
from gateway.stages.base import Handler, Services
from gateway.tasks import BY_NAME, Task
from gateway.telemetry import Telemetry


class Gateway(msgspec.Struct):
    services: Services
    handler: Handler
    tasks: Mapping[str, Task] = msgspec.field(default_factory=lambda: BY_NAME)
    """Every task by its name, the operator's own among them."""
    started: float = msgspec.field(default_factory=time.monotonic)
    admin_port: int | None = None
    """The port that the admin API has for itself; `None` where it shares the other."""
    draining: bool = False
    load_error: str = ""
    """Why a model could not be loaded; empty while all is well."""

    @property
    def settings(self) -> Settings:
        return self.services.settings

    @property
    def models(self) -> Models:
        return self.services.models

    @property
    def telemetry(self) -> Telemetry:
        return self.services.telemetry

    @property
    def ready(self) -> bool:
        return not self.draining and self.models.ready


def gateway_of(scope: Scope) -> Gateway:
    gateway: Gateway = scope["app"].state.gateway
    return gateway
