"""The keys by which a region's tokens are verified, and for how long what was fetched is believed (RFC 7517)."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from domicile_sdk.clock import Clock
from domicile_sdk.exchange import Fields
from domicile_sdk.service import check_address

KEYS_TRUSTED_SECONDS: Final = 300.0
"""A key set that was asked for longer ago says nothing any more: one that leaked may be gone from it."""
LOOK_AGAIN_SECONDS: Final = 1.0
"""For a key that is unknown the set is fetched so often at most."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region as `/.well-known/domicile` describes it."""

    id: str
    issuer: str
    base_url: str
    jwks_uri: str
    revocations_uri: str

    @classmethod
    def find(cls, discovery: Fields, region: str) -> "Region":
        """Find a region in the document; `ValueError` if it is not there, or has an address that is not safe."""
        for entry in discovery.objects("regions"):
            if entry.text("id") == region:
                names = ("issuer", "baseURL", "jwksURI", "revocationsURI")
                found = cls(region, *(entry.text(name) for name in names))
                for address in (found.base_url, found.jwks_uri, found.revocations_uri):
                    check_address(address)
                return found
        raise ValueError(f"Domicile knows no region {region}")


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """One state of a key set; what was verified under another one is verified again."""

    issuer: str
    by_id: Mapping[str, ECKey] = field(repr=False)
    thumbprints: frozenset[tuple[str, str]]
    asked_at: float
    """When the request was sent, in seconds of the steady clock."""


class KeySet:
    """The key set as last fetched."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._trusted: TrustedKeys | None = None

    def adopt(self, region: Region, jwks: Fields, *, asked_at: float) -> None:
        """Take a key set in, in place of the one before; an answer to an earlier request than that one changes nothing.

        Keys of other kinds than P-256 are left out. `ValueError` for what is no key set.
        """
        keys = dict(filter(None, map(_read_key, jwks.objects("keys"))))
        prints = frozenset((kid, key.thumbprint()) for kid, key in keys.items())
        with self._lock:
            if self._trusted is None or self._trusted.asked_at <= asked_at:
                self._trusted = TrustedKeys(region.issuer, keys, prints, asked_at)

    def trusted(self) -> TrustedKeys | None:
        """Give the keys to believe now; None if the last fetching is too long ago."""
        found = self._trusted
        if found is None or self._clock.steady() - found.asked_at > KEYS_TRUSTED_SECONDS:
            return None
        return found

    def may_look_again(self) -> bool:
        """Tell whether the set may be fetched for an unknown key, and note that it is."""
        with self._lock:
            now = self._clock.steady()
            if now - self._looked_at < LOOK_AGAIN_SECONDS:
                return False
            self._looked_at = now
            return True

    @property
    def age_seconds(self) -> float:
        """How long ago the set was asked for; infinite before the first time."""
        found = self._trusted
        return float("inf") if found is None else self._clock.steady() - found.asked_at


def _read_key(entry: Fields) -> tuple[str, ECKey] | None:
    """Read a key for ES256 with its id; None for any other (RFC 7517, section 5)."""
    if entry.members.get("kty") != "EC" or entry.members.get("crv") != "P-256":
        return None
    if entry.members.get("use", "sig") != "sig" or entry.members.get("alg", "ES256") != "ES256":
        return None
    public = {name: entry.text(name) for name in ("kty", "crv", "x", "y", "kid")}
    try:
        return public["kid"], ECKey.import_key(cast("dict[str, str | list[str]]", public))
    except JoseError as error:
        raise ValueError(f"the key {public['kid']} is none: {error.error}") from None
