"""What a membership is, and what may be changed of it."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.errors import DomainError, conflict
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.permissions import Absence, MemberState
from domicile.kernel.text import Refused


@dataclass(frozen=True, slots=True)
class Member:
    """A user of an account, with what the region may know of the person (the member card)."""

    user_id: UserId
    name: str
    email: str
    locale: str
    time_zone: str
    mfa_enabled: bool
    epoch: int
    """Of the person's credentials."""
    role_id: RoleId
    state: MemberState
    created_at: datetime
    modified_at: datetime
    last_activity_at: datetime | None
    version: int
    card_version: int
    absence: Absence | None = None
    """Why the person's places count nowhere at present; None: they do."""

    @property
    def tag(self) -> str:
        """Name this version of the membership and of the card together."""
        return f"{self.version}-{self.card_version}"


@dataclass(frozen=True, slots=True)
class Place:
    """What one person is, or was, in one account."""

    account_id: AccountId
    state: MemberState
    role_id: RoleId
    email: str | None
    """As on the member card; None where the membership has ended."""


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What is wanted of a membership; None: as it is."""

    role_id: RoleId | None
    state: MemberState | None


def check_member_state(text: str) -> MemberState:
    """Accept a state that an administrator may set."""
    if text not in {MemberState.ENABLED, MemberState.DISABLED}:
        raise Refused("must be enabled or disabled")
    return MemberState(text)


def last_owner() -> DomainError:
    """Make the refusal that keeps every account owned."""
    return conflict(
        "last-full-access-user",
        "This is the account's last enabled user with full access: give full access to another user first.",
    )
