"""Enrolling a passkey on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.factors.schemas import FactorBody
from domicile.identity.recovery_codes.schemas import NewRecoveryCodesBody
from domicile.web.bodies import Wire

_CHALLENGE = "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40"


class PasskeyOptionsBody(Wire, frozen=True):
    """What a browser is asked for a new passkey, once and within five minutes."""

    example: ClassVar[dict[str, object]] = {
        "challenge": _CHALLENGE,
        "expires": "2026-05-01T08:05:00Z",
        "passkey": {
            "rp": {"id": "id.example.com", "name": "Domicile"},
            "user": {
                "id": "QmV0dGVyIHJhbmRvbSB0aGFuIHRlbGxpbmcgbmFtZXM",
                "name": "ann@example.com",
                "displayName": "ann@example.com",
            },
            "challenge": "dGhpcnR5LXR3byByYW5kb20gYnl0ZXMgZm9yIG9uZSB1c2U",
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
            "timeout": 300000,
            "excludeCredentials": [],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "preferred",
            },
            "attestation": "none",
            "extensions": {"credProps": True},
        },
    }

    challenge: str
    """Names what was asked: send it back with the answer."""
    expires: str
    passkey: dict[str, Any]  # Any: JSON of another standard
    """For `PublicKeyCredential.parseCreationOptionsFromJSON` (WebAuthn Level 3)."""


class NewPasskeyBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What a browser answered, what to call the passkey, and which one it takes the place of."""

    example: ClassVar[dict[str, object]] = {
        "challenge": _CHALLENGE,
        "name": "Laptop",
        "credential": {
            "id": "bGFwdG9w",
            "rawId": "bGFwdG9w",
            "type": "public-key",
            "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "attestationObject": "o2NmbXRk…"},
        },
    }

    challenge: str
    credential: dict[str, Any]  # Any: JSON of another standard, read strictly by `infra.passkeys`
    """`PublicKeyCredential.toJSON()` (WebAuthn Level 3)."""
    name: str | UnsetType = UNSET
    """Left out: called after the model that the device claims to be."""
    replaces: str | UnsetType = UNSET
    """The id of a passkey that stops to work when this one begins to."""

    def __repr__(self) -> str:
        return "NewPasskeyBody(…)"


class EnrolledPasskeyBody(Wire, frozen=True):
    """A passkey that counts now; go on with the new token, the old one is worth nothing."""

    example: ClassVar[dict[str, object]] = {
        "factor": FactorBody.example | {"kind": "passkey", "name": "Laptop"},
        "recoveryCodes": NewRecoveryCodesBody.example["codes"],
        "token": "dms_3kTMd9RzWq0yXbV7nLhJcAfE5sUgPoi8Dv2mZ6QeKtr1gQQSH",
        "expires": "2026-05-01T20:00:00Z",
        "otherSessions": 1,
    }

    factor: FactorBody
    token: str
    """Of the session, in which a second factor was used."""
    expires: str
    """When the session ends; as before."""
    other_sessions: int
    """Sessions beside this one, which go on; `DELETE /api/me/sessions/{id}` ends one."""
    recovery_codes: list[str] | UnsetType = UNSET
    """Shown this once; absent for who has some already."""

    def __repr__(self) -> str:
        return "EnrolledPasskeyBody(…)"
