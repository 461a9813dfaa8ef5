"""New passwords on the wire."""

from typing import ClassVar

from domicile.web.bodies import Wire


class PasswordChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The present password and the one to come."""

    example: ClassVar[dict[str, object]] = {
        "currentPassword": "correct horse battery staple",
        "newPassword": "a pelican folds seven maps",
    }

    current_password: str
    new_password: str

    def __repr__(self) -> str:
        return "PasswordChangeBody(…)"


class ForgotPasswordBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The address whose password was forgotten."""

    example: ClassVar[dict[str, object]] = {"email": "ann@example.com"}

    email: str


class ForgotPasswordAcceptedBody(Wire, frozen=True):
    """The same for every address: go and look into its mailbox."""

    example: ClassVar[dict[str, object]] = {"state": "accepted"}

    state: str = "accepted"


class PasswordResetBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The last part of the link in the mail, and the password to come."""

    example: ClassVar[dict[str, object]] = {
        "token": "Zq3v0fJ8kR1nY6wP4sT9uX2bC5dE7gH0iL3mN6oQ8rS",
        "password": "a pelican folds seven maps",
    }

    token: str
    password: str

    def __repr__(self) -> str:
        return "PasswordResetBody(…)"
