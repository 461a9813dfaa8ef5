"""A signing key in use: signs statements and recognises them (RFC 7515, RFC 7518 ES256); what they say is for others to judge."""

import secrets
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

ALGORITHM = "ES256"


class Signer:
    """Signs with one key; a statement is told from others by its type, so that none passes for another."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._keys = KeySet([key])

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


def _read(keys: KeySet, token: str, type_: str) -> dict[str, Any] | None:
    try:
        found = jwt.decode(token, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError):  # the library trips over a `crit` that is no list of texts
        return None
    return found.claims if found.header.get("typ") == type_ else None
