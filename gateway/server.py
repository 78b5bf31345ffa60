"""Runs the application under uvicorn: loading, draining, exit status."""

from __future__ import annotations

import socket
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from gateway.app import create_app, start_accounts
from gateway.connection import Connection
from gateway.models import Clients
from gateway.settings import Settings, SettingsError
from gateway.state import Gateway

EXIT_OK = 0
EXIT_ENGINE = 3
"""An engine died or could not be loaded: the supervisor should start the process anew."""


class GatewayServer(uvicorn.Server):
    """uvicorn's server with an orderly end.

    The first SIGTERM or SIGINT drains: no new connections, `/ready` turns 503, running requests
    get `server.drain_timeout_s`. The process then exits with 0 instead of dying by the signal,
    so that a supervisor sees a stop that was asked for as one.
    """

    def __init__(self, settings: Settings, clients: Clients | None = None) -> None:
        self.app: Starlette = create_app(settings, clients=clients, on_death=self.engine_died)
        self.exit_code = EXIT_OK
        server = settings.server
        super().__init__(
            uvicorn.Config(
                self.app,
                host=server.host,
                port=server.port,
                http=Connection,
                ws="none",
                log_config=None,
                access_log=False,  # it would write query strings, and with them keys
                timeout_graceful_shutdown=max(1, round(server.drain_timeout_s)),
                server_header=False,
                proxy_headers=bool(server.trusted_proxies),
                forwarded_allow_ips=server.trusted_proxies,
            )
        )

    async def prepare(self) -> None:
        """What must be right before anybody is let in. Raises `SettingsError`."""
        await start_accounts(self.gateway.services)

    @property
    def gateway(self) -> Gateway:
        gateway: Gateway = self.app.state.gateway
        return gateway

    def engine_died(self) -> None:
        self.exit_code = EXIT_ENGINE
        self.stop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        self.stop()

    def stop(self) -> None:
        """Take nothing new, and end when what runs has ended."""
        self.gateway.drain()
        self.should_exit = True


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound. Raises `SettingsError` where the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio switches Nagle's algorithm off only where it is, and with it
    # on, each reply and each token would wait 40 ms for the client's acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise SettingsError(
            f"Cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()}."
        ) from error
    return sock
