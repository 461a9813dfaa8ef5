"""Changes of address on the wire."""

from typing import ClassVar

from domicile.web.bodies import Wire

_TOKEN = "Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS"  # noqa: S105  # of a published example


class EmailChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The address that is wanted, and the present password."""

    example: ClassVar[dict[str, object]] = {
        "email": "ann.b@example.com",
        "password": "correct horse battery staple",
    }

    email: str
    password: str

    def __repr__(self) -> str:
        return "EmailChangeBody(…)"


class EmailChangeAcceptedBody(Wire, frozen=True):
    """The same for every address: go and look into its mailbox."""

    example: ClassVar[dict[str, object]] = {"state": "accepted"}

    state: str = "accepted"


class EmailLinkBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The last part of a link in a mail."""

    example: ClassVar[dict[str, object]] = {"token": _TOKEN}

    token: str

    def __repr__(self) -> str:
        return "EmailLinkBody(…)"
