"""One of several processes that serve a port together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import uvloop
from rich.console import Console

from gateway.banner import warn_if_open
from gateway.models import Clients
from gateway.server import GatewayServer
from gateway.settings import Settings, SettingsError
from gateway.telemetry.logs import change_level_by_signal, set_up_logging
from gateway.telemetry.siblings import Siblings

log = logging.getLogger("gateway")

READY = b"ready"
_LOOK_S = 0.1


class Part(msgspec.Struct, frozen=True):
    """What one worker needs to know. Handed over while its process is started."""

    index: int
    settings: Settings
    socks: list[socket.socket]
    """Where it listens, as all the others do: the port, and the admin API's own where there is one."""
    clients: Clients
    folder: Path
    """Where workers meet to tell one another their figures."""


def run(part: Part, parent: Connection) -> None:
    """The whole life of the process; ends with the exit status that `GatewayServer` has."""
    os.setpgid(0, 0)  # Ctrl+C is for the parent, which tells everybody once
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        status = uvloop.run(_serve(part, parent))
    except SettingsError as error:
        log.error("%s", error)
        status = 2
    raise SystemExit(status)


async def _serve(part: Part, parent: Connection) -> int:
    settings = part.settings
    set_up_logging(settings.server.log_level, settings.server.log_format)
    change_level_by_signal(settings.server.log_level)
    server = GatewayServer(settings, part.clients)
    await server.prepare()
    if part.index == 0:
        await warn_if_open(Console(stderr=True), server.gateway)
    if len(part.socks) > 1:
        server.gateway.admin_port = part.socks[1].getsockname()[1]
    siblings = Siblings(part.folder, part.index, settings.server.workers, server.gateway.telemetry.registry)
    server.gateway.siblings = siblings
    await siblings.start()
    asyncio.get_running_loop().add_reader(parent.fileno(), _parent_is_gone, server, parent)
    telling = asyncio.create_task(_tell_when_ready(server, parent))
    try:
        await server.serve(part.socks)
    finally:
        telling.cancel()
        await siblings.aclose()
    return server.exit_code


def _parent_is_gone(server: GatewayServer, parent: Connection) -> None:
    """It never says anything: only its end is to be read."""
    asyncio.get_running_loop().remove_reader(parent.fileno())
    server.stop()


async def _tell_when_ready(server: GatewayServer, parent: Connection) -> None:
    while not server.gateway.ready:  # noqa: ASYNC110 - the engines set no event
        await asyncio.sleep(_LOOK_S)
    with contextlib.suppress(OSError):
        parent.send_bytes(READY)
