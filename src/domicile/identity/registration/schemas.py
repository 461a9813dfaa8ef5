"""Registration on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.users.schemas import ProfileBody
from domicile.web.bodies import Wire


class SignUpBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What a person signs up with."""

    example: ClassVar[dict[str, object]] = {
        "email": "ann@example.com",
        "name": "Ann Example",
        "password": "correct horse battery staple",
        "locale": "en",
        "timezone": "Europe/Paris",
    }

    email: str
    name: str
    password: str
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET

    def __repr__(self) -> str:
        return "SignUpBody(…)"


class SignUpAcceptedBody(Wire, frozen=True):
    """The same for every address: go and look into its mailbox."""

    example: ClassVar[dict[str, object]] = {"state": "accepted"}

    state: str = "accepted"


class VerificationBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The last part of the link in the mail."""

    example: ClassVar[dict[str, object]] = {"token": "Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS"}

    token: str

    def __repr__(self) -> str:
        return "VerificationBody(…)"


class VerifiedBody(Wire, frozen=True):
    """The user that the sign-up has become."""

    example: ClassVar[dict[str, object]] = {"user": ProfileBody.example}

    user: ProfileBody
