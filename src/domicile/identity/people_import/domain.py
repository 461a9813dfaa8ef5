"""What is known of a person who is brought over, and what came of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domicile.identity.users.domain import Profile, User, UserState
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.ids import UserId


class ImportResult(StrEnum):
    """What came of one person."""

    CREATED = "created"
    KNOWN = "known"
    """The address is a user's already, who stays as they are."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person as they will be, whose address the operator has vouched for."""

    email: EmailAddress
    profile: Profile
    kept_hash: str | None = field(repr=False)
    """The hash of the other system, as it is kept until they sign in; None: they set a password by mail."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one person, and whose the address is; None: nobody's yet, because it was a rehearsal."""

    result: ImportResult
    user_id: UserId | None


def user_from(newcomer: Newcomer, user_id: UserId, *, address_since: datetime | None, now: datetime) -> User:
    """Make the user of a person who is brought over."""
    return User(
        id=user_id,
        email=newcomer.email.shown,
        email_key=newcomer.email.key,
        name=newcomer.profile.name,
        locale=newcomer.profile.locale,
        time_zone=newcomer.profile.time_zone,
        state=UserState.ENABLED,
        epoch=1,
        version=1,
        created_at=now,
        modified_at=now,
        address_since=address_since,
    )
