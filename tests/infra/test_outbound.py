"""Calls go where they were meant to and never inside, whatever a name leads to and whatever the other side does."""

import asyncio
import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from domicile.infra import outbound
from domicile.infra.outbound import CallFailedError, Outbound
from tests.support.webhook_target import listening

INSIDE = [
    *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),  # noqa: S104  # called, not listened at
    *("::1", "::", "fe80::1", "fd00::1", "ff02::1", "2001:db8::1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2002:a00:1::",
    ),
]
OUTSIDE = ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"]


def lead(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""

    async def getaddrinfo(self: object, host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


async def failure_of(url: str, client: Outbound | None = None) -> str:
    client = client or Outbound()
    with pytest.raises(CallFailedError) as failed:
        await client.post(url, b"{}", {})
    await client.close()
    return failed.value.code


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch, address: str):
    lead(monkeypatch, address)
    assert await failure_of("https://service.example/") == "address-inside"


@pytest.mark.parametrize("address", INSIDE[2:])
async def test_an_address_inside_is_not_called(address: str):
    host = f"[{address}]" if ":" in address else address
    if not ip_address(address).is_loopback:
        assert await failure_of(f"https://{host}/") == "address-inside"


@pytest.mark.parametrize("address", OUTSIDE)
async def test_an_address_outside_may_be_called(address: str):
    assert Outbound()._is_allowed(ip_address(address))


async def test_a_network_that_the_operator_named_may_be_called(monkeypatch: pytest.MonkeyPatch):
    with listening() as target:
        lead(monkeypatch, "127.0.0.1")
        url = target.url.replace("127.0.0.1", "service.example")
        client = Outbound([ip_network("127.0.0.0/8")])
        assert await client.post(url, b"hello", {"webhook-id": "evt_1"}) == 204
        await client.close()
        assert target.told[0].headers["Host"].startswith("service.example")
        assert await failure_of(url) == "address-inside"


async def test_where_a_name_leads_is_looked_at_once_and_that_is_called(monkeypatch: pytest.MonkeyPatch):
    """A name that leads outside when it is looked at and inside when it is called (DNS rebinding) gains nothing."""
    asked: list[str] = []

    async def getaddrinfo(self: object, host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    with listening() as target:
        client = Outbound([ip_network("127.0.0.1/32")])
        await client.post(target.url.replace("127.0.0.1", "service.example"), b"", {})
        await client.close()
    assert [host for host in asked if not host[0].isdigit()] == ["service.example"]


async def test_a_redirect_is_an_answer_and_not_a_way(monkeypatch: pytest.MonkeyPatch):
    with listening() as target:
        target.status, target.headers = 307, {"Location": target.url}
        client = Outbound()
        assert await client.post(target.url, b"", {}) == 307
        await client.close()
        assert len(target.told) == 1


async def test_a_target_that_hangs_sends_too_much_or_is_not_there_is_left(monkeypatch: pytest.MonkeyPatch):
    with listening() as target:
        url = target.url
        monkeypatch.setattr(outbound, "_SECONDS", 0.3)
        target.until = threading.Event()
        assert await failure_of(url) == "timed-out"
        target.until.set()
    with listening() as talkative:
        monkeypatch.setattr(outbound, "_SECONDS", 10.0)
        talkative.status, talkative.body = 200, b"x" * 100_000
        assert await failure_of(talkative.url) == "answer-too-large"
    assert await failure_of(url) == "no-connection"
    assert await failure_of("https://" + "a" * 70 + ".invalid/") == "no-such-host"
