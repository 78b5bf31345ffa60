"""The admin API, by its own key alone, however the path is written."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.accounts.conftest import ADMIN_KEY, Guard
from tests.conftest import Start
from tests.servers import RunningServer

pytestmark = pytest.mark.anyio
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


async def test_a_keys_whole_life(guard: Guard) -> None:
    async with guard(admin_key=ADMIN_KEY) as one:
        order = {
            "tenant": "acme",
            "tier": "test",
            "tasks": ["chat"],
            "expires_in": "90d",
            "networks": ["127.0.0.1/8"],
        }
        made = await one.client.post("/admin/keys", json=order, headers=ADMIN)
        assert made.status_code == 201
        key, name = made.json()["key"], made.json()["id"]
        assert made.json()["networks"] == ["127.0.0.0/8"]
        assert (await one.chat(key)).status_code == 200
        path = f"/admin/keys/{name}"
        turned = await one.client.post(f"{path}/rotate", headers=ADMIN)
        assert turned.json()["key"] != key
        assert (await one.client.post(f"{path}/disable", headers=ADMIN)).json()["status"] == "disabled"
        assert (await one.client.post(f"{path}/enable", headers=ADMIN)).json()["status"] == "active"
        assert (await one.client.delete(f"/admin/keys/{name}", headers=ADMIN)).json()["status"] == "revoked"
        listed = await one.client.get("/admin/keys", headers=ADMIN)
        assert [(entry["id"], entry["status"]) for entry in listed.json()["keys"]] == [(name, "revoked")]
        assert key not in listed.text
        shown = await one.client.get(f"/admin/keys/{name}", headers=ADMIN)
        assert shown.json()["scopes"]["tasks"] == ["chat"]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({}, "tenant"),
        ({"tenant": "a", "tier": "gold"}, "no tier 'gold'"),
        ({"tenant": "a", "tasks": ["fly"]}, "no task 'fly'"),
        ({"tenant": "a", "models": ["fly"]}, "no model 'fly'"),
        ({"tenant": "a", "lanes": ["fast"]}, "no lane 'fast'"),
        ({"tenant": "a", "networks": ["here"]}, "no network"),
        ({"tenant": "a", "origins": ["example.com"]}, "no web origin"),
        ({"tenant": "a", "expires_in": "soon"}, "no time"),
        ({"tenant": "a", "scope": []}, "scope"),
        ([], "object"),
    ],
)
async def test_a_wrong_order_is_refused_with_what_is_wrong(guard: Guard, order: Any, says: str) -> None:
    async with guard(admin_key=ADMIN_KEY) as one:
        reply = await one.client.post("/admin/keys", json=order, headers=ADMIN)
        assert (reply.status_code, reply.json()["code"]) == (400, 1000)
        assert says in reply.json()["msg"]
        unknown = await one.client.get("/admin/keys/key_none", headers=ADMIN)
        assert (unknown.status_code, unknown.json()["code"]) == (404, 1007)


async def test_ordinary_keys_and_no_key_reach_nothing_of_it(guard: Guard) -> None:
    async with guard(admin_key=ADMIN_KEY) as one, guard() as without:
        secret = await one.key()
        for path in ("/admin/keys", "/admin/keys/key_x", "/admin", "/admin/"):
            for headers in ({}, {"authorization": f"Bearer {secret}"}, {"x-api-key": secret}):
                for gate in (one, without):
                    assert (await gate.client.get(path, headers=headers)).status_code == 401
        assert (await without.client.get("/admin/keys", headers=ADMIN)).status_code == 401


async def test_the_admin_key_asks_no_model(guard: Guard) -> None:
    async with guard(admin_key=ADMIN_KEY) as one:
        assert (await one.chat(ADMIN_KEY)).status_code == 403
        assert (await one.client.get("/metrics", headers=ADMIN)).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/playground/status"])
async def test_figures_are_for_keys_that_name_metrics(guard: Guard, path: str) -> None:
    from gateway.principal import Scopes

    async with guard() as one:
        plain = await one.key(scopes=Scopes(endpoints=("/*",)))
        named = await one.key(scopes=Scopes(endpoints=("/metrics",)))
        codes = {
            key: (await one.client.get(path, headers={"authorization": f"Bearer {key}"})).status_code
            for key in (plain, named)
        }
        assert codes == {plain: 403, named: 200}
    async with guard(public_metrics=True) as one:
        assert (await one.client.get(path)).status_code == 200


CONFIG = f"""
models: {{m: {{engine: {{kind: scripted, answer: hi}}}}}}
cache: {{url: none}}
safety: {{classify_images: false}}
accounts: {{admin_key: {ADMIN_KEY}, admin_port: 0}}
"""


def raw(server: RunningServer, target: str, host: str, key: str) -> int:
    """The status of a request whose target is sent as it is written."""
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 80), timeout=10) as line:
        head = (
            f"GET {target} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {key}",
            "Connection: close",
        )
        line.sendall("\r\n".join((*head, "", "")).encode())
        return int(line.recv(64).split()[1])


def test_no_way_of_writing_its_path_leads_there_and_no_key_is_in_the_log(start: Start, tmp_path: Any) -> None:
    server = start(CONFIG.replace(", admin_port: 0", ""))
    with server.client() as client:
        made = client.post("/admin/keys", json={"tenant": "acme"}, headers=ADMIN).json()
        ordinary = made["key"]
        targets = (
            "/admin/keys", "//admin/keys", "/%61dmin/keys", "/./admin/keys", "/docs/../admin/keys",
            "/docs/%2e%2e/admin/keys", "/%2e/admin/keys", "/admin%2fkeys", "/ADMIN/keys",
            "/admin/keys?x=/docs",
            "/m/m/admin/keys", "/m/m/../../admin/keys", "http://127.0.0.1/admin/keys", "/docs;/admin/keys",
            "/health/../admin/keys", "/admin/keys/", "/docs/..%2fadmin/keys",
        )  # fmt: skip
        for target in targets:
            for host in ("gateway", "localhost", "127.0.0.1/docs?", "admin"):
                assert raw(server, target, host, ordinary) in (400, 401, 403, 404), target
        assert raw(server, "/admin/keys", "gateway", ADMIN_KEY) == 200
        client.post("/v1/chat/completions", json={}, headers={"authorization": f"Bearer {ordinary}"})
        client.get("/v1beta/models", params={"key": ordinary})
    log = server.log.read_text()
    assert ordinary not in log
    assert ADMIN_KEY not in log


def test_with_a_port_of_its_own_it_is_on_no_other(start: Start) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = start(CONFIG.replace("admin_port: 0", f"admin_port: {port}"))
    with server.client() as client, httpx.Client(base_url=f"http://127.0.0.1:{port}") as own:
        assert client.get("/admin/keys", headers=ADMIN).status_code == 404
        assert own.get("/admin/keys", headers=ADMIN).status_code == 200
        assert own.get("/v1/models", headers=ADMIN).status_code == 404
        assert own.get("/health").status_code == 200


def test_the_command_makes_and_ends_keys_of_a_server_that_runs(start: Start, tmp_path: Any) -> None:
    config = CONFIG.replace(", admin_port: 0", "") + f"server: {{data_dir: {tmp_path}/data}}\n"
    run, file = CliRunner(), str(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").write_text(config)
    before = run.invoke(app, ["keys", "create", "--tenant", "acme", "-c", file])
    assert before.exit_code == 0, before.output
    key = before.stdout.strip()
    server = start(config)
    asked = {"messages": [{"role": "user", "content": "Hi"}]}
    with server.client() as client:
        headers = {"authorization": f"Bearer {key}"}
        assert client.post("/v1/chat/completions", json=asked, headers=headers).status_code == 200
        listed = run.invoke(app, ["keys", "list", "--json", "-c", file])
        name = json.loads(listed.stdout)[0]["id"]
        assert key not in listed.stdout
        assert "active" in run.invoke(app, ["keys", "show", name, "-c", file]).stdout
        assert run.invoke(app, ["keys", "revoke", name, "-c", file]).exit_code == 0
        while client.post("/v1/chat/completions", json=asked, headers=headers).status_code == 200:
            pass
    wrong = run.invoke(app, ["keys", "create", "--tenant", "acme", "--tier", "gold", "-c", file])
    assert (wrong.exit_code, "no tier 'gold'" in wrong.stderr) == (2, True)
    assert run.invoke(app, ["keys", "show", "key_none", "-c", file]).exit_code == 1
