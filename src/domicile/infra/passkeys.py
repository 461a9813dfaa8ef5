"""Passkeys on the wire and their signatures (WebAuthn Level 3, sections 7.1 and 7.2): what a browser is asked, and whether its answer is good."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domicile.infra.relying_party import PasskeySettings

TIMEOUT_MILLISECONDS: Final = 300_000
"""How long a browser waits for the person; a challenge is good as long."""
LONGEST_CREDENTIAL_ID: Final = 1023
"""Octets, at most (WebAuthn Level 3, section 5.8.3)."""
_LONGEST_PART = 16_384
"""Characters of one part of an answer; without attestation the largest real ones have a tenth."""
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_ES256, _EDDSA, _RS256 = -7, -8, -257
_ALGORITHMS = (_ES256, _EDDSA, _RS256)
"""COSE algorithms of keys that are taken, best first; RS256 is for Windows Hello."""
_RSA_BITS = (2048, 4096)
_RSA_EXPONENT = 65537
_ATTESTATION_FORMATS = frozenset({"none", "packed"})
"""None is asked for; `packed` is what an authenticator that signs for itself may send all the same (section 5.4.7)."""


class CredentialRefused(Exception):
    """An answer of a browser is not good; the argument says why, for the log of a developer and for nobody else."""


@dataclass(frozen=True, slots=True)
class KnownCredential:
    """A credential as a browser is told of it."""

    id: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewCredential:
    """What a good answer to creation options tells."""

    id: bytes
    public_key: bytes = field(repr=False)
    """In COSE form (RFC 9052)."""
    sign_count: int
    transports: tuple[str, ...]
    aaguid: str
    """The model as the authenticator itself says, which nobody vouches for."""
    backup_eligible: bool
    backed_up: bool
    user_verified: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """An answer to request options, read and not yet verified."""

    credential_id: bytes
    user_handle: bytes | None
    answer: Mapping[str, Any] = field(repr=False)  # Any: JSON that the library reads


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """What a good answer to request options tells."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool
    user_verified: bool


def creation_options(
    party: PasskeySettings,
    challenge: bytes,
    *,
    user_handle: bytes,
    user_name: str,
    known: Iterable[KnownCredential],
) -> dict[str, Any]:
    """Write what a browser is asked for a new passkey (PublicKeyCredentialCreationOptionsJSON)."""
    return {
        "rp": {"id": party.rp_id, "name": party.rp_name},
        "user": {"id": to_base64url(user_handle), "name": user_name, "displayName": user_name},
        "challenge": to_base64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "timeout": TIMEOUT_MILLISECONDS,
        "excludeCredentials": _descriptors(known),
        "authenticatorSelection": {
            "residentKey": "preferred",
            "requireResidentKey": False,
            "userVerification": "preferred",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request_options(
    party: PasskeySettings, challenge: bytes, *, allowed: Iterable[KnownCredential], needs_uv: bool
) -> dict[str, Any]:
    """Write what a browser is asked for the use of a passkey (PublicKeyCredentialRequestOptionsJSON)."""
    return {
        "challenge": to_base64url(challenge),
        "timeout": TIMEOUT_MILLISECONDS,
        "rpId": party.rp_id,
        "allowCredentials": _descriptors(allowed),
        "userVerification": "required" if needs_uv else "preferred",
    }


def read_assertion(credential: Mapping[str, Any]) -> Assertion:  # Any: JSON as it came
    """Read an answer to request options (AuthenticationResponseJSON) strictly; `CredentialRefused` if it has another form."""
    parts = _response_of(credential)
    for name in ("clientDataJSON", "authenticatorData", "signature"):
        _from_base64url(parts.get(name), name)
    handle = parts.get("userHandle")
    return Assertion(
        credential_id=_credential_id(credential),
        user_handle=None if handle is None or handle == "" else _from_base64url(handle, "userHandle"),
        answer=_lean(credential, parts, ("clientDataJSON", "authenticatorData", "signature", "userHandle")),
    )


def verify_assertion(
    party: PasskeySettings, assertion: Assertion, *, challenge: bytes, public_key: bytes, needs_uv: bool
) -> VerifiedAssertion:
    """Verify type, challenge, origin, relying party, presence and signature; `CredentialRefused` unless all are right.

    Says nothing of the counter and of whose the credential is: these are facts of ours.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415  # 19 MB and a fifth of a second

    _check_client_data(assertion.answer["response"]["clientDataJSON"], "webauthn.get", challenge, party)
    _check_key(public_key)
    try:
        verified = verify_authentication_response(
            credential=dict(assertion.answer),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            # The library compares counters before it has looked at the signature: whoever knows a credential's id could
            # make any passkey look cloned. So it is told 0 here, and we compare afterwards.
            credential_current_sign_count=0,
            require_user_verification=needs_uv,
        )
    except Exception as error:  # noqa: BLE001  # bytes of a stranger make the library, CBOR and cryptography raise anything
        raise CredentialRefused(type(error).__name__) from None
    return VerifiedAssertion(
        sign_count=verified.new_sign_count,
        backup_eligible=verified.credential_device_type == "multi_device",
        backed_up=verified.credential_backed_up,
        user_verified=verified.user_verified,
    )


def verify_creation(
    party: PasskeySettings,
    credential: Mapping[str, Any],
    *,
    challenge: bytes,  # Any: JSON as it came
) -> NewCredential:
    """Verify an answer to creation options (RegistrationResponseJSON); `CredentialRefused` unless all of it is right."""
    from webauthn import verify_registration_response  # noqa: PLC0415  # 19 MB and a fifth of a second
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415

    parts = _response_of(credential)
    credential_id = _credential_id(credential)
    _check_client_data(parts.get("clientDataJSON"), "webauthn.create", challenge, party)
    _check_attestation(_from_base64url(parts.get("attestationObject"), "attestationObject"))
    try:
        verified = verify_registration_response(
            credential=_lean(credential, parts, ("clientDataJSON", "attestationObject")),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=list(party.origins),
            supported_pub_key_algs=[COSEAlgorithmIdentifier(algorithm) for algorithm in _ALGORITHMS],
        )
    except Exception as error:  # noqa: BLE001  # bytes of a stranger make the library, CBOR and cryptography raise anything
        raise CredentialRefused(type(error).__name__) from None
    if verified.credential_id != credential_id:
        raise CredentialRefused("the signed id is another")
    return NewCredential(
        id=credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=_transports(parts.get("transports")),
        aaguid=verified.aaguid,
        backup_eligible=verified.credential_device_type == "multi_device",
        backed_up=verified.credential_backed_up,
        user_verified=verified.user_verified,
    )


def to_base64url(data: bytes) -> str:
    """Write bytes as WebAuthn does in JSON: base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: object, name: str) -> bytes:
    """Read bytes strictly: the one text that stands for them and no other, where Python's own reader passes over what it does not know."""
    if not isinstance(text, str) or len(text) > _LONGEST_PART or not _BASE64URL.fullmatch(text):
        raise CredentialRefused(f"{name} is not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise CredentialRefused(f"{name} is not base64url") from None
    if to_base64url(data) != text:
        raise CredentialRefused(f"{name} is not canonical")
    return data


def _response_of(credential: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON as it came
    response = credential.get("response")
    if credential.get("type") != "public-key" or not isinstance(response, dict):
        raise CredentialRefused("not a public-key credential")
    return cast("dict[str, Any]", response)


def _credential_id(credential: Mapping[str, Any]) -> bytes:  # Any: JSON as it came
    found = _from_base64url(credential.get("id"), "id")
    if credential.get("rawId") != credential.get("id") or len(found) > LONGEST_CREDENTIAL_ID:
        raise CredentialRefused("id and rawId differ, or are too long")
    return found


def _lean(
    credential: Mapping[str, Any],
    parts: Mapping[str, Any],
    names: Iterable[str],  # Any: JSON as it came
) -> dict[str, Any]:
    """Leave out everything that was not looked at."""
    response = {name: parts[name] for name in names if parts.get(name)}
    return {"id": credential["id"], "rawId": credential["id"], "type": "public-key", "response": response}


def _check_client_data(
    text: object, kind: Literal["webauthn.get", "webauthn.create"], challenge: bytes, party: PasskeySettings
) -> None:
    """Check what the browser says of the ceremony (WebAuthn Level 3, section 5.8.1), and what the library leaves open: frames within others' pages."""
    try:
        found = json.loads(_from_base64url(text, "clientDataJSON").decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise CredentialRefused("clientDataJSON is not JSON") from None
    if not isinstance(found, dict):
        raise CredentialRefused("clientDataJSON is not an object")
    data = cast("dict[str, object]", found)
    if data.get("type") != kind or data.get("challenge") != to_base64url(challenge):
        raise CredentialRefused("another type or challenge")
    if data.get("origin") not in party.origins:
        raise CredentialRefused("another origin")
    if data.get("crossOrigin", False) is not False or "topOrigin" in data:
        raise CredentialRefused("made within a page of another origin")


def _check_attestation(attestation: bytes) -> None:
    """Take no statement of a manufacturer: it is not asked for, and reading certificates of strangers is a risk without a use.

    The key is looked at before anything is verified with it, for it may be one that was made to keep a server busy.
    """
    from webauthn.helpers import parse_authenticator_data, parse_cbor  # noqa: PLC0415  # 19 MB and a fifth of a second

    try:
        found = parse_cbor(attestation)
        kind, statement = found["fmt"], found["attStmt"]
        signed = parse_authenticator_data(found["authData"]).attested_credential_data
    except Exception as error:  # noqa: BLE001  # as above
        raise CredentialRefused(type(error).__name__) from None
    if not isinstance(kind, str) or kind not in _ATTESTATION_FORMATS or not isinstance(statement, dict):
        raise CredentialRefused("an attestation that was not asked for")
    if "x5c" in statement or (kind == "none" and statement):
        raise CredentialRefused("an attestation that was not asked for")
    if signed is None:
        raise CredentialRefused("no key")
    _check_key(signed.credential_public_key)


def _check_key(public_key: bytes) -> None:
    """Take keys of known algorithms and sound sizes only, also when they are used: a list that grows shorter must have an effect."""
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography  # noqa: PLC0415

    try:
        decoded = decode_credential_public_key(public_key)
        key = decoded_public_key_to_cryptography(decoded)
    except Exception as error:  # noqa: BLE001  # as above
        raise CredentialRefused(type(error).__name__) from None
    match key:
        case EllipticCurvePublicKey():
            sound = decoded.alg == _ES256 and isinstance(key.curve, SECP256R1)
        case Ed25519PublicKey():
            sound = decoded.alg == _EDDSA
        case _:
            least, most = _RSA_BITS
            sound = least <= key.key_size <= most and key.public_numbers().e == _RSA_EXPONENT
            sound = sound and decoded.alg == _RS256
    if not sound or decoded.alg not in _ALGORITHMS:
        raise CredentialRefused("an algorithm or key that is not taken")


def _descriptors(known: Iterable[KnownCredential]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": to_base64url(one.id)}
        | ({"transports": list(one.transports)} if one.transports else {})
        for one in known
    ]


def _transports(told: object) -> tuple[str, ...]:
    """Keep the hints that are known, so that nothing else of a stranger's is kept."""
    if not isinstance(told, list):
        return ()
    return tuple(
        sorted(_TRANSPORTS.intersection(one for one in cast("list[object]", told) if isinstance(one, str)))
    )
