"""What a sign-up is, and the user that becomes of it."""

from dataclasses import dataclass, field
from datetime import datetime

from domicile.identity.users.domain import Profile, User, UserState
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class SignUp:
    """What somebody wants to be known as, should they prove that the address is theirs."""

    id: str
    email: EmailAddress
    profile: Profile
    password_hash: str = field(repr=False)
    created_at: datetime
    expires_at: datetime


def user_from(proved: SignUp, user_id: UserId, *, address_since: datetime | None, now: datetime) -> User:
    """Make the user of a sign-up whose address was proved; nothing of whoever had the address before is theirs."""
    return User(
        id=user_id,
        email=proved.email.shown,
        email_key=proved.email.key,
        name=proved.profile.name,
        locale=proved.profile.locale,
        time_zone=proved.profile.time_zone,
        state=UserState.ENABLED,
        epoch=1,
        version=1,
        created_at=now,
        modified_at=now,
        address_since=address_since,
    )
