"""A device that holds passkeys, in software: honest by default, and able to tell every lie that a test asks for (WebAuthn Level 3, section 6)."""

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
ES256, EDDSA, RS256, ES512 = -7, -8, -257, -36
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def to_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _key(algorithm: int) -> PrivateKey:
    if algorithm == EDDSA:
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == RS256:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP521R1() if algorithm == ES512 else ec.SECP256R1())


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def cose_key(key: PrivateKey, algorithm: int) -> dict[int, Any]:
    """Write a public key as authenticators do (RFC 9053)."""
    match key:
        case ed25519.Ed25519PrivateKey():
            return {1: 1, 3: algorithm, -1: 6, -2: key.public_key().public_bytes_raw()}
        case rsa.RSAPrivateKey():
            public = key.public_key().public_numbers()
            return {1: 3, 3: algorithm, -1: _bytes(public.n), -2: _bytes(public.e)}
        case _:
            numbers, curve = key.public_key().public_numbers(), key.curve.key_size
            size = (curve + 7) // 8
            x, y = numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big")
            return {1: 2, 3: algorithm, -1: 1 if curve == 256 else 3, -2: x, -3: y}


@dataclass
class HeldKey:
    """One passkey, as the device keeps it."""

    id: bytes
    rp_id: str
    user_handle: bytes
    key: PrivateKey
    algorithm: int
    count: int = 0


@dataclass(frozen=True)
class Lies:
    """What an answer says in place of the truth; None: the truth."""

    origin: str | None = None
    rp_id: str | None = None
    type: str | None = None
    challenge: str | None = None
    flags_off: int = 0
    flags_on: int = 0
    count: int | None = None
    client_data: dict[str, Any] = field(default_factory=dict)
    """Members put into the client data beside the usual ones."""
    user_handle: bytes | None = None
    attestation: dict[str, Any] | None = None
    """In place of the attestation object's `fmt` and `attStmt`."""
    public_key: dict[int, Any] | None = None
    """In place of the key that was made."""
    leftover: bytes = b""
    """After the end of the authenticator data."""


TRUTH = Lies()


@dataclass
class Authenticator:
    """A device with a browser before it, at the pages of one origin."""

    origin: str
    verifies_user: bool = True
    is_synced: bool = False
    counts: bool = False
    algorithm: int = ES256
    aaguid: bytes = bytes(16)
    held: list[HeldKey] = field(default_factory=list)

    def create(self, options: dict[str, Any], lies: Lies = TRUTH) -> dict[str, Any]:
        """Answer creation options with a new passkey (RegistrationResponseJSON)."""
        rp_id = options["rp"]["id"]
        held = HeldKey(
            secrets.token_bytes(32),
            rp_id,
            from_base64url(options["user"]["id"]),
            _key(self.algorithm),
            self.algorithm,
            1 if self.counts else 0,
        )
        self.held.append(held)
        client_data = self._client_data("webauthn.create", options["challenge"], lies)
        public = cbor2.dumps(lies.public_key or cose_key(held.key, held.algorithm))
        attested = self.aaguid + struct.pack(">H", len(held.id)) + held.id + public
        data = self._authenticator_data(held, lies, AT) + attested + lies.leftover
        stated = lies.attestation or {"fmt": "none", "attStmt": {}}
        response = {
            "clientDataJSON": to_base64url(client_data),
            "attestationObject": to_base64url(cbor2.dumps(stated | {"authData": data})),
            "transports": ["internal", "hybrid"],
        }
        return _credential(held, response)

    def get(
        self, options: dict[str, Any], lies: Lies = TRUTH, *, held: HeldKey | None = None
    ) -> dict[str, Any]:
        """Answer request options with one of the passkeys (AuthenticationResponseJSON), the newest that is allowed unless told which."""
        chosen = held or self._choose(options)
        if self.counts:
            chosen.count += 1
        client_data = self._client_data("webauthn.get", options["challenge"], lies)
        data = self._authenticator_data(chosen, lies, 0) + lies.leftover
        handle = chosen.user_handle if lies.user_handle is None else lies.user_handle
        response = {
            "clientDataJSON": to_base64url(client_data),
            "authenticatorData": to_base64url(data),
            "signature": to_base64url(_sign(chosen.key, data + hashlib.sha256(client_data).digest())),
            "userHandle": to_base64url(handle),
        }
        return _credential(chosen, response)

    def copy(self) -> "Authenticator":
        """Make a second device with the same keys, each with a counter of its own from here on."""
        return replace(self, held=[replace(one) for one in self.held])

    def _choose(self, options: dict[str, Any]) -> HeldKey:
        allowed = {from_base64url(one["id"]) for one in options["allowCredentials"]}
        return next(one for one in reversed(self.held) if one.id in allowed or not allowed)

    def _client_data(self, kind: str, challenge: str, lies: Lies) -> bytes:
        said = {
            "type": lies.type or kind,
            "challenge": lies.challenge or challenge,
            "origin": lies.origin or self.origin,
            "crossOrigin": False,
        }
        return json.dumps(said | lies.client_data).encode()

    def _authenticator_data(self, held: HeldKey, lies: Lies, flags: int) -> bytes:
        flags |= UP | (UV if self.verifies_user else 0) | (BE | BS if self.is_synced else 0)
        flags = (flags & ~lies.flags_off) | lies.flags_on
        count = held.count if lies.count is None else lies.count
        return hashlib.sha256((lies.rp_id or held.rp_id).encode()).digest() + struct.pack(">BI", flags, count)


def _credential(held: HeldKey, response: dict[str, Any]) -> dict[str, Any]:
    shown = to_base64url(held.id)
    return {
        "id": shown,
        "rawId": shown,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _sign(key: PrivateKey, data: bytes) -> bytes:
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case rsa.RSAPrivateKey():
            return key.sign(data, PKCS1v15(), SHA256())
        case _:
            return key.sign(data, ec.ECDSA(SHA256()))
