"""Signing in on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.signing_in.beginning import SignedIn
from domicile.identity.signing_in.stages import Begun
from domicile.identity.users.schemas import ProfileBody, shape_profile
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire

_TOKEN = "dmi_9fQkWb2LxYz7TnRcVm4JhAe0sUgPoi3Dd5mZ6QeKtr1gQBDHe"  # noqa: S105  # an example


class SignInBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What a person signs in with at once."""

    example: ClassVar[dict[str, object]] = {
        "email": "ann@example.com",
        "password": "correct horse battery staple",
        "code": "492039",
    }

    email: str
    password: str
    code: str | UnsetType = UNSET
    """A code of their app, or a recovery code, for who has a second factor."""

    def __repr__(self) -> str:
        return "SignInBody(…)"


class SignedInBody(Wire, frozen=True):
    """A session's token, shown this once; send it as `Authorization: Bearer`."""

    example: ClassVar[dict[str, object]] = {
        "token": "dms_3kTMd9RzWq0yXbV7nLhJcAfE5sUgPoi8Dv2mZ6QeKtr1gQQSH",
        "expires": "2026-05-01T20:00:00Z",
        "user": ProfileBody.example,
    }

    token: str
    expires: str
    user: ProfileBody

    def __repr__(self) -> str:
        return "SignedInBody(…)"


class BeginBody(Wire, frozen=True, forbid_unknown_fields=True):
    """Whose sign-in begins; without an address only a passkey can go on."""

    example: ClassVar[dict[str, object]] = {"email": "ann@example.com"}

    email: str | UnsetType = UNSET


class UnderWayBody(Wire, frozen=True):
    """A sign-in under way: the token for its next step, and the ways in which that may be taken."""

    example: ClassVar[dict[str, object]] = {
        "signIn": _TOKEN,
        "expires": "2026-05-01T08:10:00Z",
        "ways": ["password", "passkey"],
    }

    sign_in: str
    expires: str
    ways: list[str]
    passkey: dict[str, Any] | UnsetType = (
        UNSET  # Any: options as browsers take them (WebAuthn Level 3, section 5.1.9)
    )
    """`PublicKeyCredentialRequestOptionsJSON`, where a passkey is one of the ways."""

    def __repr__(self) -> str:
        return "UnderWayBody(…)"


class PasswordStepBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The step of the password."""

    example: ClassVar[dict[str, object]] = {"signIn": _TOKEN, "password": "correct horse battery staple"}

    sign_in: str
    password: str

    def __repr__(self) -> str:
        return "PasswordStepBody(…)"


class PasskeyStepBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The step of a passkey: what the browser made of the options."""

    example: ClassVar[dict[str, object]] = {
        "signIn": _TOKEN,
        "credential": {"id": "…", "rawId": "…", "type": "public-key", "response": {}},
    }

    sign_in: str
    credential: dict[str, Any]  # Any: JSON as the browser made it

    def __repr__(self) -> str:
        return "PasskeyStepBody(…)"


class CodeStepBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The step of a code: of an app, or a recovery code."""

    example: ClassVar[dict[str, object]] = {"signIn": _TOKEN, "code": "492039"}

    sign_in: str
    code: str

    def __repr__(self) -> str:
        return "CodeStepBody(…)"


def shape_signed_in(made: SignedIn) -> SignedInBody:
    """Write a new session for the wire."""
    expires = whole_seconds(made.session.expires_at)
    return SignedInBody(token=made.token.reveal(), expires=expires, user=shape_profile(made.user))


def shape_under_way(begun: Begun) -> UnderWayBody:
    """Write a sign-in under way for the wire."""
    return UnderWayBody(
        sign_in=begun.token.reveal(),
        expires=whole_seconds(begun.expires_at),
        ways=[str(way) for way in begun.ways],
        passkey=begun.passkey.options if begun.passkey else UNSET,
    )
