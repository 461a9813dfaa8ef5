"""Looks passwords up among those that became known, without telling which: by a range of hashes (k-anonymity)."""

import asyncio
import hashlib
from typing import TYPE_CHECKING

import structlog

from domicile.infra.secrets import SecretText

if TYPE_CHECKING:
    import httpx2

_PREFIX_DIGITS = 5
_SECONDS = 2.0
"""For the whole of one look-up, from connecting to the last byte."""
_LARGEST_ANSWER_BYTES = 512 * 1024
"""A padded range has 1,000 lines, give or take, of 40 bytes."""
_log = structlog.get_logger("domicile.passwords")


class BreachedPasswords:
    """Asks a range service, such as that of Have I Been Pwned or a mirror of it, about five digits of a SHA-1.

    The service learns five of forty digits, which hundreds of passwords have in common, and from the length of its padded answer
    nobody on the way learns more.
    """

    def __init__(self, url: str) -> None:
        self._url = url if url.endswith("/") else f"{url}/"
        self._client: httpx2.AsyncClient | None = None
        self._failures = 0

    async def has(self, password: SecretText) -> bool:
        """Tell whether a password became known.

        If the service does not answer as it should within two seconds the answer is no, because nobody could set a password while it is
        down; that is logged, with how often it happened, and without anything of the password.
        """
        # SHA-1 is what the ranges are made of; it protects nothing here.
        digest = hashlib.sha1(password.reveal().encode(), usedforsecurity=False).hexdigest().upper()
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._fetch(digest[:_PREFIX_DIGITS])
            return _count_in(answer, digest[_PREFIX_DIGITS:]) > 0
        except Exception as error:  # noqa: BLE001  # whatever a stranger's server does, a password can be set
            self._failures += 1
            _log.warning("breached_lookup_failed", error=type(error).__name__, failures=self._failures)
            return False

    async def close(self) -> None:
        """Let go of the sockets."""
        if self._client is not None:
            await self._client.aclose()

    async def _fetch(self, prefix: str) -> str:
        received = bytearray()
        async with self._open().stream("GET", self._url + prefix) as response:
            if response.status_code != 200:  # a redirect too: only the service that was configured is asked
                raise _UnusableAnswer
            async for piece in response.aiter_raw():
                received += piece
                if len(received) > _LARGEST_ANSWER_BYTES:
                    raise _UnusableAnswer
        return received.decode("ascii")

    def _open(self) -> "httpx2.AsyncClient":
        if self._client is None:
            import httpx2  # noqa: PLC0415  # most servers never look anything up

            self._client = httpx2.AsyncClient(
                # Not compressed, so that the limit on what is received is one on what is held.
                headers={"Accept-Encoding": "identity", "Add-Padding": "true", "User-Agent": "domicile"},
                timeout=_SECONDS,
                follow_redirects=False,
                trust_env=False,
            )
        return self._client


class _UnusableAnswer(Exception):
    """What came is no range."""


def _count_in(answer: str, suffix: str) -> int:
    """Find how often a password was seen, by the rest of its hash; padding has lines that were seen 0 times."""
    lines = [line.partition(":") for line in answer.splitlines() if line]
    if not lines or any(
        len(found) != len(suffix) or not count.strip().isdecimal() for found, _, count in lines
    ):
        raise _UnusableAnswer
    return sum(int(count) for found, _, count in lines if found.upper() == suffix)
