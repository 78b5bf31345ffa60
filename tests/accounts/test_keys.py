"""Who may come in: keys, where they are read from, and when they end."""

from __future__ import annotations

import logging
import time
from typing import Any

import httpx
import pytest

from gateway.accounts.secret import digest_of, is_well_formed, new_secret
from gateway.principal import Scopes
from gateway.settings import SettingsError
from tests.accounts.conftest import Guard
from tests.conftest import Gateway
from tests.pictures import square

pytestmark = pytest.mark.anyio
DASHSCOPE = "/api/v1/services/aigc/multimodal-generation/generation"
ASKED = {"messages": [{"role": "user", "content": "Hi"}]}


def test_a_key_carries_a_checksum() -> None:
    secret = new_secret()
    assert is_well_formed(secret)
    assert secret.startswith("sk-")
    assert secret != new_secret()
    assert not is_well_formed(secret[:-1])
    swapped = secret[:10] + ("a" if secret[10] != "a" else "b") + secret[11:]
    assert not is_well_formed(swapped)


async def test_without_any_key_everyone_on_this_machine_may_ask(gateway: Gateway) -> None:
    async with gateway() as client:
        assert (await client.post("/v1/chat/completions", json=ASKED)).status_code == 200


async def test_with_the_first_key_everyone_needs_one(guard: Guard) -> None:
    async with guard() as one:
        secret = await one.key()
        assert (await one.chat(None)).status_code == 401
        assert (await one.chat(secret)).status_code == 200


async def test_a_server_without_keys_listens_on_this_machine_only(guard: Guard) -> None:
    with pytest.raises(SettingsError, match="qwen-vl keys create"):
        async with guard(server={"host": "0.0.0.0"}):
            pass
    async with guard(server={"host": "0.0.0.0", "insecure": True}) as one:
        assert (await one.chat(None)).status_code == 200
        await one.key()
    async with guard(server={"host": "0.0.0.0"}) as one:
        assert (await one.chat(None)).status_code == 401


@pytest.mark.parametrize(
    ("path", "header", "error"),
    [
        ("/v1/chat/completions", "Authorization", ("error", "code", "invalid_api_key")),
        ("/v1/chat/completions", "api-key", ("error", "code", "invalid_api_key")),
        ("/v1/messages", "x-api-key", ("error", "type", "authentication_error")),
        ("/v1beta/models/m:generateContent", "x-goog-api-key", ("error", "status", "UNAUTHENTICATED")),
        ("/v1beta/models/m:generateContent", "?key", ("error", "status", "UNAUTHENTICATED")),
        (
            DASHSCOPE,
            "Authorization",
            ("code", "InvalidApiKey"),
        ),
        ("/infer", "Authorization", ("code", 4001)),
        ("/v1/chat", "Authorization", ("code", 4001)),
        ("/m/qwen3-vl-30b/v1/messages", "x-api-key", ("error", "type", "authentication_error")),
    ],
)
async def test_every_format_sends_its_key_its_own_way_and_reads_its_own_refusal(
    guard: Guard, path: str, header: str, error: tuple[Any, ...]
) -> None:
    async with guard() as one:
        secret = await one.key()
        for key, refused in ((secret, False), (new_secret(), True), ("nonsense", True), (None, True)):
            reply = await post(one.client, path, header, key)
            assert (reply.status_code == 401) is refused, reply.text
        body: Any = reply.json()
        assert reply.headers["www-authenticate"] == "Bearer"
        *way, value = error
        for name in way:
            body = body[name]
        assert body == value


async def post(client: httpx.AsyncClient, path: str, header: str, key: str | None) -> httpx.Response:
    if header == "?key":
        return await client.post(path, json={}, params={"key": key} if key else {})
    value = f"Bearer {key}" if header == "Authorization" else key
    return await client.post(path, json={}, headers={header: value} if key and value else {})


async def test_a_key_in_the_query_counts_for_geminis_paths_alone(guard: Guard) -> None:
    async with guard() as one:
        secret = await one.key()
        assert (await post(one.client, "/v1/chat/completions", "?key", secret)).status_code == 401


async def test_what_everyone_may_see_stays_open(guard: Guard) -> None:
    async with guard() as one:
        await one.key()
        pages = ("/", "/playground/config.json", "/docs", "/docs/swagger-ui.css", "/openapi.json")
        for path in ("/health", "/ready", "/v1/health", *pages):
            assert (await one.client.get(path)).status_code == 200, path
        figures = ("/metrics", "/playground/status")
        for path in ("/v1/models", "/tasks", "/v1/files", "/nowhere", "/docs/../v1/models", *figures):
            assert (await one.client.get(path)).status_code == 401, path


@pytest.mark.parametrize("end", ["disable", "revoke"])
async def test_a_key_that_was_ended_stops_within_two_seconds(guard: Guard, end: str) -> None:
    async with guard() as one, guard() as other:
        key, secret = await one.keys.create(tenant="acme", tier="internal")
        assert (await other.chat(secret)).status_code == 200
        await getattr(one.keys, end)(key.id)
        began = time.monotonic()
        while (reply := await other.chat(secret)).status_code == 200:
            pass
        assert time.monotonic() - began < 2
        assert f"The API key is {end}d." in reply.text


async def test_a_rotated_key_overlaps_with_the_one_before(guard: Guard) -> None:
    async with guard() as one:
        key, before = await one.keys.create(tenant="acme", tier="internal")
        _, after = await one.keys.rotate(key.id, overlap_s=60)
        assert [(await one.chat(secret)).status_code for secret in (before, after)] == [200, 200]
        _, last = await one.keys.rotate(key.id, overlap_s=0)
        async with guard() as fresh:
            codes = [(await fresh.chat(secret)).status_code for secret in (before, after, last)]
        assert codes == [401, 401, 200]


async def test_a_key_expires(guard: Guard) -> None:
    async with guard() as one:
        secret = await one.key(expires=time.time() - 1)
        reply = await one.chat(secret)
        assert reply.status_code == 401
        assert "expired" in reply.text


async def test_a_key_may_be_held_to_origins_and_networks(guard: Guard) -> None:
    async with guard() as one:
        web = await one.key(origins=("https://app.example",))
        headers = {"authorization": f"Bearer {web}"}
        for origin, status in (("https://app.example", 200), ("https://evil.example", 403), (None, 403)):
            own = headers | ({"origin": origin} if origin else {})
            assert (
                await one.client.post("/v1/chat/completions", json=ASKED, headers=own)
            ).status_code == status
        assert (await one.chat(await one.key(networks=("127.0.0.0/8",)))).status_code == 200
        refused = await one.chat(await one.key(networks=("10.0.0.0/8",)))
        assert refused.status_code == 403
        assert refused.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize(
    ("scopes", "headers", "what"),
    [
        ({"tasks": ("vqa",)}, {}, "task chat"),
        ({"tasks": ("chat",)}, {"x-task": "ocr"}, "task ocr"),
        ({"models": ("another",)}, {}, "model"),
        ({"lanes": ("interactive",)}, {"x-lane": "batch"}, "lane batch"),
        ({"endpoints": ("/infer*",)}, {}, "path"),
    ],
)
async def test_what_a_keys_scopes_do_not_hold_is_forbidden(
    guard: Guard, scopes: dict[str, Any], headers: dict[str, str], what: str
) -> None:
    picture = {"type": "image_url", "image_url": {"url": square()}}
    body = {"messages": [{"role": "user", "content": [picture, {"type": "text", "text": "Read."}]}]}
    async with guard() as one:
        secret = await one.key(scopes=Scopes(**scopes))
        headers = headers | {"authorization": f"Bearer {secret}"}
        reply = await one.client.post("/v1/chat/completions", json=body, headers=headers)
        assert reply.status_code == 403
        assert reply.json()["error"]["code"] == "forbidden"
        assert what in reply.json()["error"]["message"]
        assert one.engine.seen == []


async def test_a_tier_names_its_models(guard: Guard) -> None:
    async with guard({"narrow": {"models": ["another"]}}) as one:
        assert (await one.chat(await one.key(tier="narrow"))).status_code == 403


async def test_keys_are_kept_as_digests_and_never_logged(
    guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with guard() as one:
        secret = await one.key()
        await one.chat(secret)
        await one.chat(secret + "x")
        redis = one.services.state.redis
        kept = [await redis.hgetall(name) for name in ("qwen-vl:keys", "qwen-vl:digests")]
        assert secret not in str(kept)
        assert digest_of(secret) in str(kept)
    assert secret not in caplog.text
    assert secret[3:] not in caplog.text


async def test_while_the_store_is_away_known_keys_go_on_and_others_wait(guard: Guard, store: Any) -> None:
    async with guard() as one:
        known, unknown = await one.key(), await one.key()
        assert (await one.chat(known)).status_code == 200
        await store.aclose()
        assert (await one.chat(unknown)).status_code == 503
        assert (await one.chat(known)).status_code == 200


async def test_requests_whose_key_cannot_be_checked_are_failures_that_show(guard: Guard, store: Any) -> None:
    async with guard(outage_s=0) as one:
        unknown = await one.key()
        await store.aclose()
        counted = one.services.telemetry.registry.get_sample_value
        closed = {"instead": "keys_closed"}
        assert counted("gateway_state_store_away_total", closed) == 0, "one that appears with 1 has no rate"
        assert (await one.chat(unknown)).status_code == 503
        headers = {"authorization": f"Bearer {unknown}"}
        assert (await one.client.get("/v1/jobs", headers=headers)).status_code == 503
        assert one.metric("gateway_failures_total", code="2002") == 2
        assert counted("gateway_state_store_away_total", closed) == 2
