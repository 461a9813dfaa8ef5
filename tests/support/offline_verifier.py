"""How a service verifies account tokens by itself: the key set, the revocation feed, and nothing believed past its time."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.support.api import Api

TRUSTED_SECONDS = 60.0
"""A verifier whose last whole reading of the feed is older refuses everything."""
_KEPT_SECONDS = 900.0
"""A row is kept as long as a token that it speaks against can last, and half as long again."""


class NotBelieved(Exception):
    """The token is not believed; the text says why, for tests."""


@dataclass
class OfflineVerifier:
    """Verifies the account tokens of one region."""

    api: Api
    """Speaks with the service's credential."""
    region: str
    wall_clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    monotonic: Callable[[], float] = time.monotonic
    _keys: KeySet | None = None
    _issuer: str = ""
    _audience: str = ""
    _position: int | None = None
    _floor: int = 0
    _rows: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(kind, account, subject) → the highest number of a row about it."""
    _received: list[tuple[float, int, tuple[str, str, str]]] = field(default_factory=list)
    _fresh_at: float = float("-inf")

    def begin(self) -> None:
        """Learn the region's issuer, audience and keys."""
        found = self.api.call("GET", "/.well-known/domicile")
        entry = next(each for each in found["regions"] if each["id"] == self.region)
        assert entry["revocationsURI"].endswith(f"/api/revocations?region={self.region}")
        self._issuer = entry["issuer"]
        self._audience = f"urn:domicile:region:{self.region}"
        self._keys = KeySet.import_key_set(
            self.api.call("GET", f"/.well-known/domicile/{self.region}/jwks.json")  # pyright: ignore[reportArgumentType]  # a JWKS
        )

    def poll(self, *, wait: int = 0) -> bool:
        """Read the feed up to its head; False, and nothing gained, where that failed."""
        try:
            while True:
                asked_at = self.monotonic()
                query = f"region={self.region}&wait={wait}"
                since = self._position
                if since is not None:
                    query += f"&since={since}"
                answer = self.api.get(f"/api/revocations?{query}")
                if answer.status_code != 200:
                    return False
                self.apply(since, answer.json())
                if self._position == answer.json()["head"]:
                    self._fresh_at = asked_at
                    self._forget()
                    return True
                wait = 0
        except httpx2.TransportError:
            return False

    def apply(self, since: int | None, answer: dict[str, Any]) -> None:
        """Take an answer in, also one that came twice or late."""
        if answer["reset"]:
            self._rows.clear()
            self._received.clear()
            self._floor, self._position = answer["floor"], answer["floor"]
        elif self._position is None or since is None or since > self._position:
            return  # rows are missing between
        now = self.monotonic()
        for seq, kind, account, subject, _at in answer["rows"]:
            about = (kind, account, subject)
            self._rows[about] = max(seq, self._rows.get(about, 0))
            self._received.append((now, seq, about))
        self._position = max(self._position or 0, answer["next"])

    def verify(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that is believed."""
        if self.monotonic() - self._fresh_at > TRUSTED_SECONDS:
            raise NotBelieved("stale")
        claims = self._read(token)
        account, user = claims["account"], claims["sub"].rpartition("/")[2]
        if claims["seq"] < self._floor:
            raise NotBelieved("below the floor")
        for about in (
            ("membership", account, user),
            ("role", account, claims["role"]),
            ("account", account, account),
        ):
            if self._rows.get(about, 0) > claims["seq"]:
                raise NotBelieved(about[0])
        return claims

    def _read(self, token: str) -> dict[str, Any]:
        assert self._keys is not None
        try:
            read = jwt.decode(token, self._keys, algorithms=["ES256"])
        except (JoseError, ValueError) as error:
            raise NotBelieved("signature") from error
        claims, now = read.claims, self.wall_clock().timestamp()
        if read.header.get("typ") != "at+jwt":
            raise NotBelieved("type")
        if claims.get("iss") != self._issuer or claims.get("aud") != self._audience:
            raise NotBelieved("another region")
        if not claims["nbf"] <= now < claims["exp"]:
            raise NotBelieved("expired")
        if "seq" not in claims:
            raise NotBelieved("no seq")
        return claims

    def _forget(self) -> None:
        """Forget rows that speak only against tokens that have expired; what is older than they is not judged any more."""
        old = self.monotonic() - _KEPT_SECONDS
        for received_at, seq, about in self._received:
            if received_at < old:
                self._floor = max(self._floor, seq)
                if self._rows.get(about) == seq:
                    del self._rows[about]
        self._received = [each for each in self._received if each[0] >= old]
