"""What identity signs of a person's export (RFC 7515), over one form that survives being written out differently; docs/your-data.md tells it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, cast

import msgspec

from domicile.identity.export.schemas import FORMAT, FORMAT_VERSION
from domicile.identity.plane import IdentityPlane
from domicile.infra.signing import find_key, read_signed
from domicile.kernel.callers import Person
from domicile.kernel.canonical_json import canonical
from domicile.kernel.clock import whole_seconds
from domicile.kernel.signing_keys import CLOCK_SKEW

STATEMENT_TYPE: Final = "domicile-export+jwt"
_NOT_IN_HEAD: Final = frozenset({"events", "signed"})
_Json = dict[str, Any]


class Fingerprint:
    """SHA-256 over the lines of an export in canonical JSON: first everything but the events, then each event; each line ends in LF."""

    def __init__(self, head: Mapping[str, object]) -> None:
        self._hash = sha256()
        self.events = 0
        self._line(dict(head))

    def add(self, event: object) -> None:
        """Take in the next event."""
        self.events += 1
        self._line(event)

    def hex(self) -> str:
        """Give what has come together so far."""
        return self._hash.hexdigest()

    def _line(self, value: object) -> None:
        as_read = msgspec.json.decode(msgspec.json.encode(value))
        self._hash.update(canonical(as_read).encode() + b"\n")


class NotAsSignedError(Exception):
    """An export is not as identity signed it; says why."""


def sign_export(plane: IdentityPlane, person: Person, fingerprint: Fingerprint) -> str:
    """Sign what an export says, for its person to show to others."""
    claims = {
        "iss": plane.settings.public_url,
        "sub": person.user_id,
        "iat": int(plane.clock().timestamp()),
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "events": fingerprint.events,
        "sha256": fingerprint.hex(),
    }
    return plane.signer.sign(claims, type_=STATEMENT_TYPE)


def verify_export(document: Mapping[str, Any], jwks: Mapping[str, Any]) -> _Json:
    """Verify an export with identity's statement keys, offline; gives what was signed.

    `NotAsSignedError` for an export that was changed, by whatever byte of its content, was signed by nobody of these keys, by one
    that was withdrawn, or at a time when its key did not sign.
    """
    signed, events = document.get("signed"), document.get("events")
    if not isinstance(signed, str) or not isinstance(events, list):
        raise NotAsSignedError("There is no signed statement in it.")
    claims = read_signed(dict(jwks), signed, type_=STATEMENT_TYPE)
    if claims is None:
        raise NotAsSignedError("Its statement was not signed with these keys, or it was changed.")
    _check_key(find_key(jwks, signed), claims.get("iat"))
    try:
        fingerprint = Fingerprint({name: told for name, told in document.items() if name not in _NOT_IN_HEAD})
        for event in cast("list[object]", events):
            fingerprint.add(event)
    except (ValueError, RecursionError):
        raise NotAsSignedError("What is in it has no canonical form: it was changed.") from None
    if fingerprint.hex() != claims.get("sha256") or fingerprint.events != claims.get("events"):
        raise NotAsSignedError("What is in it is not what was signed: it was changed.")
    return claims


def _check_key(key: Mapping[str, Any], signed_at: object) -> None:
    """Refuse a key that somebody else may have signed with, and a moment at which it did not sign."""
    if withdrawn := key.get("withdrawn"):
        raise NotAsSignedError(f"Its key was withdrawn on {withdrawn}: anybody may have signed it.")
    if not isinstance(signed_at, int):
        raise NotAsSignedError("Its statement does not say when it was signed.")
    at = datetime.fromtimestamp(signed_at, UTC)
    begin, end = whole_seconds(at + CLOCK_SKEW), whole_seconds(at - CLOCK_SKEW)
    if begin < str(key.get("signsFrom", begin)) or end > str(key.get("signedUntil", end)):
        raise NotAsSignedError("Its key did not sign at the time that it names.")
