"""Calls to addresses that somebody wrote down: never to a place inside, whatever their names lead to (SSRF; OWASP API7:2023)."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from domicile.infra.loopback import is_this_machine

if TYPE_CHECKING:
    import httpx2

_Address = IPv4Address | IPv6Address
_SECONDS = 10.0
"""For the whole of one call, from the look-up of the name to the end of the answer."""
_LARGEST_ANSWER_BYTES = 64 * 1024
_NAT64 = IPv6Network("64:ff9b::/96")


class CallFailedError(Exception):
    """A call did not come to an answer; `code` says why, and nothing of what was sent or told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Outbound:
    """Calls addresses by POST; where a name leads is looked at, and that very address is connected to."""

    def __init__(self, allowed: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        """Let calls go to the public Internet, and inside only to these networks."""
        self._allowed = allowed
        self._client: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        """Let go of the sockets."""
        if self._client is not None:
            await self._client.aclose()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a body; gives the status of the answer, whose body is not kept. Redirects are not followed.

        `CallFailedError`: `no-such-host`, `address-inside`, `timed-out`, `no-connection`, `answer-too-large`.
        """
        import httpx2  # noqa: PLC0415  # most platforms call nobody

        try:
            async with asyncio.timeout(_SECONDS):
                return await self._send(url, body, headers)
        except TimeoutError:
            raise CallFailedError("timed-out") from None
        except httpx2.TimeoutException:
            raise CallFailedError("timed-out") from None
        except httpx2.InvalidURL:
            raise CallFailedError("no-such-host") from None
        except httpx2.HTTPError:
            raise CallFailedError("no-connection") from None

    async def _send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        client = self._open()
        asked = client.build_request("POST", url, content=body, headers=dict(headers))
        name = asked.url.host
        address = await self._find_address(
            name, asked.url.port or (443 if asked.url.scheme == "https" else 80)
        )
        # The name stays in `Host` and in the TLS handshake, where the certificate is compared with it.
        asked.url = asked.url.copy_with(host=str(address))
        asked.extensions = {**asked.extensions, "sni_hostname": name}
        received = 0
        answer = await client.send(asked, stream=True)
        try:
            async for piece in answer.aiter_raw():
                received += len(piece)
                if received > _LARGEST_ANSWER_BYTES:
                    raise CallFailedError("answer-too-large")
        finally:
            await answer.aclose()
        return answer.status_code

    async def _find_address(self, host: str, port: int) -> _Address:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise CallFailedError("no-such-host") from None
        addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        for address in addresses:
            if self._is_allowed(address) or (is_this_machine(host) and address.is_loopback):
                return address
        raise CallFailedError("address-inside")

    def _is_allowed(self, address: _Address) -> bool:
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        return all(each.is_global and not each.is_multicast for each in _within(address))

    def _open(self) -> "httpx2.AsyncClient":
        if self._client is None:
            import httpx2  # noqa: PLC0415

            self._client = httpx2.AsyncClient(
                headers={"Accept-Encoding": "identity", "User-Agent": "domicile"},
                timeout=_SECONDS,
                # A connection kept is one to an address: it would serve another name there without a look at the certificate.
                limits=httpx2.Limits(max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


def _within(address: _Address) -> list[_Address]:
    """List an address and those that it carries inside: mapped, translated or tunnelled, it could lead to them."""
    if isinstance(address, IPv4Address):
        return [address]
    inner: list[_Address | None] = [address.ipv4_mapped, address.sixtofour]
    inner += address.teredo or ()
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [
        address if address.ipv4_mapped is None else address.ipv4_mapped,
        *(each for each in inner if each),
    ]
