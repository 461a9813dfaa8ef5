"""Enrolling an authenticator app on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.factors.schemas import FactorBody
from domicile.identity.recovery_codes.schemas import NewRecoveryCodesBody
from domicile.web.bodies import Wire


class TotpEnrolmentBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to call a new authenticator app, and which one it takes the place of."""

    example: ClassVar[dict[str, object]] = {"name": "Phone"}

    name: str
    replaces: str | UnsetType = UNSET
    """The id of an app that stops to work when this one begins to."""


class NewTotpBody(Wire, frozen=True):
    """An authenticator app that does not count yet; its secret is shown this once."""

    example: ClassVar[dict[str, object]] = {
        "id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
        "name": "Phone",
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/id.example.com:ann%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=id.example.com",
        "qr": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 53 53">…</svg>',
        "confirmUntil": "2026-05-01T09:00:00Z",
    }

    id: str
    name: str
    secret: str
    """In base 32, for who cannot scan."""
    uri: str
    """What the QR code says."""
    qr: str
    """The QR code as an SVG element with a light background of its own."""
    confirm_until: str

    def __repr__(self) -> str:
        return "NewTotpBody(…)"


class TotpCodeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The six digits that the app shows."""

    example: ClassVar[dict[str, object]] = {"code": "492039"}

    code: str

    def __repr__(self) -> str:
        return "TotpCodeBody(…)"


class ConfirmedTotpBody(Wire, frozen=True):
    """An authenticator app that counts now; go on with the new token, the old one is worth nothing."""

    example: ClassVar[dict[str, object]] = {
        "factor": FactorBody.example,
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
        return "ConfirmedTotpBody(…)"
