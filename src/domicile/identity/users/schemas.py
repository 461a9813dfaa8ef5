"""A person's own profile on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.users.domain import User
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire, or_unset


class ProfileBody(Wire, frozen=True):
    """A user as they see themselves."""

    example: ClassVar[dict[str, object]] = {
        "id": "01933b1c-8a2e-7c41-9d5e-3f0a6b7c8d9e",
        "email": "ann@example.com",
        "name": "Ann Example",
        "locale": "en",
        "timezone": "Europe/Paris",
        "state": "enabled",
        "created": "2026-03-02T10:15:00Z",
        "lastModified": "2026-05-01T08:00:00Z",
    }

    id: str
    email: str
    name: str
    locale: str
    timezone: str
    state: str
    created: str
    last_modified: str
    pending_email: str | UnsetType = UNSET
    """The address that was asked for and is not proved yet; absent if there is none, and in answers to other requests."""


class ProfileChangeBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What to change of the own profile."""

    example: ClassVar[dict[str, object]] = {"name": "Ann B. Example", "timezone": "Asia/Tokyo"}

    name: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET
    timezone: str | UnsetType = UNSET


def shape_profile(user: User, *, pending_email: str | None = None) -> ProfileBody:
    """Write a user for the wire."""
    return ProfileBody(
        id=user.id,
        email=user.email,
        name=user.name,
        locale=user.locale,
        timezone=user.time_zone,
        state=user.state,
        created=whole_seconds(user.created_at),
        last_modified=whole_seconds(user.modified_at),
        pending_email=or_unset(pending_email),
    )
