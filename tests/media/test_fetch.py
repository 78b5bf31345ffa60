"""Addresses of clients: what is refused is never connected to, and what is fetched stays in its limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from gateway.errors import ADDRESS_REFUSED, FETCH_FAILED, TOO_LARGE, GatewayError
from gateway.media.addresses import is_public
from gateway.media.fetch import Fetcher
from gateway.settings import FetchSettings, Settings
from tests.conftest import Gateway
from tests.media.samples import data_url, encoded
from tests.media.site import site

HOSTILE = """
http://127.0.0.1:{port}/ http://127.0.0.2:{port}/ http://127.1:{port}/ http://127.0.1:{port}/
http://2130706433:{port}/ http://0x7f000001:{port}/ http://0x7f.0.0.1:{port}/ http://0x7f.1:{port}/
http://0177.0.0.1:{port}/ http://017700000001:{port}/ http://0177.1:{port}/ http://127.0.0.01:{port}/
http://127.0.0.0x1:{port}/ http://0:{port}/ http://0.0.0.0:{port}/ http://00.0.0.0:{port}/
http://localhost:{port}/ http://LOCALHOST:{port}/ http://localhost.:{port}/ http://lOcAlHoSt:{port}/x.png
http://[::1]:{port}/ http://[0:0:0:0:0:0:0:1]:{port}/ http://[::]:{port}/ http://[::127.0.0.1]:{port}/
http://[::ffff:127.0.0.1]:{port}/ http://[::ffff:7f00:1]:{port}/ http://[0:0:0:0:0:ffff:7f00:0001]:{port}/
http://[64:ff9b::7f00:1]:{port}/ http://[64:ff9b::127.0.0.1]:{port}/ http://[2002:7f00:1::]:{port}/
http://[2001:0:7f00:1::]:{port}/ http://[fe80::1%25lo]:{port}/ http://[fe80::1]:{port}/
http://[fc00::1]:{port}/ http://[fd00:ec2::254]:{port}/ http://[ff02::1]:{port}/ http://[fec0::1]:{port}/
http://127。0。0。1:{port}/ http://１２７.0.0.1:{port}/ http://127．0．0．1:{port}/ http://ⓛocalhost:{port}/
http://10.0.0.1:{port}/ http://172.16.0.1:{port}/ http://192.168.1.1:{port}/ http://100.64.0.1:{port}/
http://169.254.169.254/latest/meta-data/ http://169.254.170.2/ http://100.100.100.200/ http://168.63.129.16/
http://224.0.0.1:{port}/ http://240.0.0.1:{port}/ http://255.255.255.255:{port}/ http://192.0.0.1:{port}/
http://198.18.0.1:{port}/ http://user:secret@127.0.0.1:{port}/ http://example.com@127.0.0.1:{port}/
http://127.0.0.1:{port}#@example.com/ http://127.0.0.1:{port}\\@example.com/
http://example.com\\@127.0.0.1:{port}/ https://127.0.0.1:{port}/ HTTP://127.0.0.1:{port}/
http:127.0.0.1:{port} http:///127.0.0.1:{port}/ http://%31%32%37.0.0.1:{port}/
http://127.0.0.1%00.example.com:{port}/ http://-:{port}/ http://:{port}/
ftp://127.0.0.1:{port}/ file:///etc/passwd gopher://127.0.0.1:{port}/ unix:///run/x.sock
dict://127.0.0.1:{port}/ javascript:alert(1) s3://bucket/key oss://bucket/key jar:http://127.0.0.1:{port}/
""".split()  # noqa: SIM905


LOOPBACK = FetchSettings(private_networks=["127.0.0.0/8"], ports=[], idle_timeout_s=1, total_timeout_s=2)


def fetching(settings: FetchSettings = LOOPBACK, **options: Any) -> Fetcher:
    return Fetcher(settings, **options)


def names(table: dict[str, list[list[str]]]) -> Callable[[str, int], Any]:
    """A resolver that gives each name its next answer, the last one again and again."""

    async def resolve(host: str, port: int) -> list[str]:
        answers = table[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return resolve


async def test_no_hostile_address_is_ever_connected_to(gateway: Gateway) -> None:
    settings = Settings(fetch=FetchSettings(ports=[]))
    async with (
        site(host="0.0.0.0") as canary,
        site(host="::", port=canary.port) as canary6,
        gateway(settings=settings) as client,
    ):
        for address in HOSTILE:
            body = {"task": "vqa", "text": "?", "images": [address.format(port=canary.port)]}
            reply = await client.post("/infer", json=body)
            assert (reply.status_code, reply.json()["code"]) == (400, ADDRESS_REFUSED.number), address
            assert "passwd" not in reply.text
            assert "secret" not in reply.text
        assert canary.connections + canary6.connections == 0
        reply = await client.post(
            "/infer", json={"task": "vqa", "text": "?", "images": [data_url(encoded())]}
        )
        assert reply.status_code == 200

    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("address", ["192.0.0.1", "192.0.0.9", "192.0.0.192", "192.0.0.255"])
def test_addresses_of_protocols_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert is_public(ip_address("192.0.1.1"))


async def test_every_redirect_is_checked_anew() -> None:
    allowed = FetchSettings(private_networks=["127.0.0.9/32"], ports=[])
    async with site(host="127.0.0.1") as canary, site(host="127.0.0.9") as start:
        for number, address in enumerate(HOSTILE):
            target = address.format(port=canary.port).encode("utf-8").decode("latin-1")
            start.pages[f"/{number}"] = (302, {"location": target}, b"")
        fetcher = fetching(allowed)
        for number in range(len(HOSTILE)):
            with pytest.raises(GatewayError) as refusal:
                await fetcher.get(f"http://127.0.0.9:{start.port}/{number}", 1000)
            assert refusal.value.code in (ADDRESS_REFUSED, FETCH_FAILED), HOSTILE[number]
        await fetcher.aclose()
        assert start.connections >= 1
        assert canary.connections == 0


async def test_a_name_that_changes_its_address_gains_nothing() -> None:
    allowed = FetchSettings(private_networks=["127.0.0.9/32"], ports=[])
    async with site(host="127.0.0.1") as canary:
        async with site({"/": (200, {"connection": "close"}, b"fine")}, "127.0.0.9", canary.port) as good:
            table = {
                "rebinds.test": [["127.0.0.9"], ["127.0.0.1"]],
                "both.test": [["127.0.0.9", "127.0.0.1"]],
                "mapped.test": [["::ffff:127.0.0.1"]],
            }
            fetcher = fetching(allowed, resolve=names(table))
            assert await fetcher.get(f"http://rebinds.test:{good.port}/", 100) == b"fine"
            assert good.asked[0][1]["host"] == f"rebinds.test:{good.port}"
            for host in table:
                with pytest.raises(GatewayError) as refusal:
                    await fetcher.get(f"http://{host}:{good.port}/", 100)
                assert refusal.value.code is ADDRESS_REFUSED
            await fetcher.aclose()
            assert good.connections == 1
        assert canary.connections == 0


async def test_only_allowed_domains_and_ports_are_fetched() -> None:
    async with site({"/": (200, {}, b"fine")}) as home:
        settings = LOOPBACK.model_copy(update={"allow_domains": ["good.test"]})
        table = {
            name: [["127.0.0.1"]] for name in ("good.test", "cdn.good.test", "notgood.test", "good.test.evil")
        }
        fetcher = fetching(settings, resolve=names(table))
        assert await fetcher.get(f"http://good.test:{home.port}/", 9) == b"fine"
        assert await fetcher.get(f"http://cdn.good.test:{home.port}/", 9) == b"fine"
        for host in ("notgood.test", "good.test.evil", "127.0.0.1"):
            with pytest.raises(GatewayError, match="domain"):
                await fetcher.get(f"http://{host}:{home.port}/", 9)
        await fetcher.aclose()
        strict = fetching(LOOPBACK.model_copy(update={"ports": [80, 443]}))
        with pytest.raises(GatewayError, match="port"):
            await strict.get(f"http://127.0.0.1:{home.port}/", 9)
        await strict.aclose()


async def _drips(headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    """Never still for long enough to be idle, and never done."""
    writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.02)


async def _stops(headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 100000\r\n\r\nx")


async def _endless(headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        await writer.drain()


async def _breaks(headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nx")
    writer.close()


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ((200, {"content-length": "2000001"}, b""), TOO_LARGE),
        (_endless, TOO_LARGE),
        (_drips, FETCH_FAILED),
        (_stops, FETCH_FAILED),
        (_breaks, FETCH_FAILED),
        ((200, {"content-encoding": "gzip"}, b"x"), FETCH_FAILED),
        ((404, {}, b"x"), FETCH_FAILED),
        ((500, {}, b"x"), FETCH_FAILED),
        ((302, {"location": "/page"}, b""), FETCH_FAILED),
        ((302, {"location": "http://[broken"}, b""), ADDRESS_REFUSED),
        ((304, {}, b""), FETCH_FAILED),
    ],
    ids=["declared", "endless", "drip", "stop", "break", "gzip", "404", "500", "loop", "location", "304"],
)
async def test_a_bad_host_costs_little_and_gets_a_clear_code(page: Any, code: Any) -> None:
    async with site({"/page": page}) as host:
        fetcher = fetching()
        began = time.monotonic()
        with pytest.raises(GatewayError) as refusal:
            await fetcher.get(f"http://127.0.0.1:{host.port}/page", 2_000_000)
        assert refusal.value.code is code
        assert time.monotonic() - began < 10
        await fetcher.aclose()


async def test_a_host_that_is_not_there_is_a_failed_fetch() -> None:
    async with site() as gone:
        pass
    fetcher = fetching()
    for host in ("127.0.0.1", "does-not-exist.invalid"):
        with pytest.raises(GatewayError) as refusal:
            await fetcher.get(f"http://{host}:{gone.port}/", 9)
        assert refusal.value.code is FETCH_FAILED
    await fetcher.aclose()


async def test_connections_are_reused_and_unchanged_files_are_not_sent_again() -> None:
    async def page(headers: dict[str, str], writer: asyncio.StreamWriter) -> Any:
        if headers.get("if-none-match") == '"1"':
            return 304, {}, b""
        return 200, {"etag": '"1"'}, b"picture"

    async with site({"/": page}) as host:
        fetcher = fetching()
        for _ in range(3):
            assert await fetcher.get(f"http://127.0.0.1:{host.port}/", 100) == b"picture"
        with pytest.raises(GatewayError) as refusal:
            await fetcher.get(f"http://127.0.0.1:{host.port}/", len(b"picture") - 1)
        await fetcher.aclose()
        assert refusal.value.code is TOO_LARGE
        assert host.connections == 1
        assert ["if-none-match" in headers for _, headers in host.asked] == [False, True, True, True]


async def test_a_validator_that_no_request_can_carry_is_not_kept() -> None:
    async with site({"/": (200, {"etag": '"\u56fe.png"'.encode().decode("latin-1")}, b"picture")}) as host:
        fetcher = fetching()
        for _ in range(2):
            assert await fetcher.get(f"http://127.0.0.1:{host.port}/", 100) == b"picture"
        await fetcher.aclose()


async def test_a_callback_is_posted_under_the_same_rules() -> None:
    async with site({"/hook": (204, {}, b"")}) as host:
        fetcher = fetching()
        assert await fetcher.post(f"http://127.0.0.1:{host.port}/hook", b"", {"x-signature": "abc"}) == 204
        assert host.asked[0][1]["x-signature"] == "abc"
        await fetcher.aclose()
        guarded = fetching(FetchSettings(ports=[]))
        with pytest.raises(GatewayError):
            await guarded.post(f"http://127.0.0.1:{host.port}/hook", b"", {})
        await guarded.aclose()
        assert host.connections == 1


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site() as proxy, site({"/": (200, {}, b"fine")}) as host:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        fetcher = fetching()
        assert await fetcher.get(f"http://127.0.0.1:{host.port}/", 9) == b"fine"
        await fetcher.aclose()
        assert proxy.connections == 0


async def test_a_server_that_fetches_nothing_says_so() -> None:
    async with site() as host:
        fetcher = fetching(LOOPBACK.model_copy(update={"enabled": False}))
        with pytest.raises(GatewayError, match="fetches nothing"):
            await fetcher.get(f"http://127.0.0.1:{host.port}/", 9)
        assert host.connections == 0
