"""Ratings of passwords on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.web.bodies import Wire


class PasswordCheckBody(Wire, frozen=True, forbid_unknown_fields=True):
    """A password that somebody is typing, who they are, and whether they have a second factor beside it."""

    example: ClassVar[dict[str, object]] = {
        "password": "a pelican folds seven maps",
        "email": "ann@example.com",
        "name": "Ann Example",
    }

    password: str
    email: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    mfa_enabled: bool = False

    def __repr__(self) -> str:
        return "PasswordCheckBody(…)"


class PasswordRatingBody(Wire, frozen=True):
    """How strong it is, from 0 to 4, and why it would be refused, if it would."""

    example: ClassVar[dict[str, object]] = {"score": 4, "acceptable": True, "suggestions": []}

    score: int
    acceptable: bool
    suggestions: list[str]
    why: str | UnsetType = UNSET
