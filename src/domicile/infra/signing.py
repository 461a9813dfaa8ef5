"""Signing keys in use: they sign statements and recognise them (RFC 7515, RFC 7518 ES256); what they say is for others to judge."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import extract_compact

from domicile.kernel.clock import whole_seconds
from domicile.kernel.signing_keys import KeyState, SigningKey

ALGORITHM = "ES256"


class Signer:
    """Signs with one key; a statement is told from others by its type, so that none passes for another."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._keys = KeySet([key])

    def __repr__(self) -> str:
        return f"Signer({self.key_id})"

    @property
    def key_id(self) -> str:
        """Name the key."""
        return str(self._key.kid)

    def sign(self, claims: dict[str, Any], *, type_: str) -> str:
        """Sign claims as a compact JWS whose header names its type and the key."""
        header = {"alg": ALGORITHM, "kid": self.key_id, "typ": type_}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])

    def read(self, token: str, *, type_: str) -> dict[str, Any] | None:
        """Read the claims of a statement of a type; None, without a reason, if this key did not sign it as that."""
        return _read(self._keys, token, type_)

    def jwks(self) -> dict[str, object]:
        """Give the public keys (RFC 7517)."""
        return dict(self._keys.as_dict(private=False))

    def private_bytes(self) -> bytes:
        """Give the whole key, to be sealed."""
        return msgspec.json.encode(self._key.as_dict(private=True))

    def public_key(self) -> dict[str, str]:
        """Give the public part."""
        return {str(name): str(value) for name, value in self._key.as_dict(private=False).items()}


class SigningKeys:
    """All the keys that a region, or identity, has ever signed with, as this process holds them: one signs, more are recognised.

    They are replaced as a whole when one of them begins another part of its life.
    """

    def __init__(self, signer: Signer, known: Sequence[SigningKey]) -> None:
        self._when_replaced: list[Callable[[], None]] = []
        self._hold(signer, known)

    def __repr__(self) -> str:
        return f"SigningKeys({self.key_id}, {len(self._known)} known)"

    @property
    def key_id(self) -> str:
        """Name the key that signs."""
        return self._signer.key_id

    @property
    def known(self) -> tuple[SigningKey, ...]:
        """Give what everybody may know of every key, the oldest first."""
        return self._known

    def replace(self, signer: Signer, known: Sequence[SigningKey]) -> None:
        """Hold these keys from now on, and tell whoever keeps what the former ones had recognised."""
        self._hold(signer, known)
        for act in self._when_replaced:
            act()

    def when_replaced(self, act: Callable[[], None]) -> None:
        """Run something quick, in memory, whenever the keys are replaced."""
        self._when_replaced.append(act)

    def sign(self, claims: dict[str, Any], *, type_: str) -> str:
        """Sign claims as a compact JWS whose header names its type and the key."""
        return self._signer.sign(claims, type_=type_)

    def knows(self, key_id: str) -> bool:
        """Tell whether there is a key of this id."""
        return key_id in self._by_id

    def read(self, statement: str, *, type_: str) -> dict[str, Any] | None:
        """Read a statement of ours that was kept, by whichever key it was signed; None if none of them signed it as that."""
        known = self._by_id.get(_key_id_of(statement))
        return _read(known[1], statement, type_) if known else None

    def stands_by(self, statement: str) -> bool:
        """Tell, unverified, whether a statement of ours is still good by its signature: its key was not withdrawn."""
        known = self._by_id.get(_key_id_of(statement))
        return known is not None and known[0].state is not KeyState.WITHDRAWN

    def read_token(self, token: str, *, type_: str, now: datetime) -> dict[str, Any] | None:
        """Read a token that a stranger brings: only by a key of which tokens can still be alive."""
        known = self._by_id.get(_key_id_of(token))
        return _read(known[1], token, type_) if known and known[0].counts_for_tokens(now) else None

    def token_jwks(self, now: datetime) -> dict[str, object]:
        """Give the public keys (RFC 7517) for whoever verifies tokens: those that sign, will soon, or have until just now."""
        return {"keys": [key.public_key for key in self._known if key.counts_for_tokens(now)]}

    def jwks(self) -> dict[str, object]:
        """Give every public key that there ever was, each with its life, for whoever verifies a statement that was kept."""
        return {"keys": [dict(key.public_key) | _life_of(key) for key in self._known]}

    def _hold(self, signer: Signer, known: Sequence[SigningKey]) -> None:
        self._signer = signer
        self._known = tuple(known)
        self._by_id = {key.kid: (key, _key_set(key.public_key)) for key in known}


def _key_set(public: Mapping[str, str]) -> KeySet:
    key = ECKey.import_key(dict[str, str | list[str]](public))
    return KeySet([key])


def _life_of(key: SigningKey) -> dict[str, str]:
    moments = {
        "created": key.created_at,
        "signsFrom": key.signs_from,
        "signedUntil": key.signed_until,
        "withdrawn": key.withdrawn_at,
    }
    return {"state": str(key.state)} | {name: whole_seconds(at) for name, at in moments.items() if at}


def only_key(signer: Signer, *, now: datetime) -> SigningKeys:
    """Hold a key that has been signing from now on, and no other."""
    life = SigningKey(signer.key_id, KeyState.CURRENT, signer.public_key(), now, now, None, None)
    return SigningKeys(signer, [life])


def new_signer(prefix: str) -> Signer:
    """Draw a key whose id begins with `prefix` and a dot."""
    key_id = f"{prefix}.{secrets.token_hex(8)}"
    return Signer(ECKey.generate_key("P-256", {"kid": key_id, "use": "sig", "alg": ALGORITHM}, private=True))


def load_signer(private: bytes) -> Signer:
    """Load a key that `private_bytes` gave."""
    return Signer(ECKey.import_key(msgspec.json.decode(private)))


def read_signed(jwks: dict[str, Any], token: str, *, type_: str) -> dict[str, Any] | None:
    """Read a statement offline with a published key set; None if none of its keys signed it as that type."""
    try:
        keys = KeySet.import_key_set({"keys": jwks["keys"]})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return _read(keys, token, type_)


def find_key(jwks: Mapping[str, Any], token: str) -> dict[str, Any]:
    """Find, unverified, the key of a published set that a statement names; nothing if it is not there."""
    listed, key_id = jwks.get("keys"), _key_id_of(token)
    keys = cast("list[Any]", listed) if isinstance(listed, list) else []
    found = [cast("dict[str, Any]", key) for key in keys if isinstance(key, dict)]
    none: dict[str, Any] = {}
    return next((key for key in found if key_id and key.get("kid") == key_id), none)


def _key_id_of(token: str) -> str:
    """Read, unverified, which key a statement names; the name only chooses among keys that are trusted already."""
    try:
        key_id = extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError):
        return ""
    return key_id if isinstance(key_id, str) else ""


def _read(keys: KeySet, token: str, type_: str) -> dict[str, Any] | None:
    try:
        found = jwt.decode(token, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError):  # the library trips over a `crit` that is no list of texts
        return None
    return found.claims if found.header.get("typ") == type_ else None
