"""Who a user is, and the rules for what they are called and where they are written to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId
from domicile.kernel.permissions import Absence
from domicile.kernel.text import check_line, check_locale, check_time_zone

LONGEST_NAME = 100
_DEFAULT_LOCALE = "en"
_DEFAULT_TIME_ZONE = "UTC"


class UserState(StrEnum):
    """Whether a person may sign in at all."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """By the operator of the platform."""
    LEAVING = "leaving"
    """The person has asked to be deleted; the regions of their accounts are being asked."""


@dataclass(frozen=True, slots=True)
class User:
    """One person, everywhere."""

    id: UserId
    email: str
    email_key: str
    name: str
    locale: str
    time_zone: str
    state: UserState
    epoch: int
    """Grows when credentials change: what was issued before no longer counts."""
    version: int
    """Grows with every change of the profile or the epoch."""
    created_at: datetime
    modified_at: datetime
    address_since: datetime | None = None
    """When somebody else gave the address up before it became this user's; None: nobody did."""
    mfa_enabled: bool = False
    """Whether the person has a second factor: then every sign-in asks for one."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What people say about themselves."""

    name: str
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is to change of a profile; None: stays."""

    name: str | None
    locale: str | None
    time_zone: str | None

    def applied_to(self, user: User) -> Profile:
        """Give the profile as it will be."""
        return Profile(self.name or user.name, self.locale or user.locale, self.time_zone or user.time_zone)


def absence_of(state: UserState) -> Absence | None:
    """Tell why the places of a person in a state count nowhere; None: they do."""
    match state:
        case UserState.ENABLED:
            return None
        case UserState.DISABLED:
            return Absence.DISABLED
        case UserState.LEAVING:
            return Absence.LEAVING


def check_name(text: str) -> str:
    """Accept a person's name: one visible line of at most 100 characters."""
    return check_line(text, longest=LONGEST_NAME)


def take_profile(faults: Faults, name: str, locale: str | None, time_zone: str | None) -> Profile:
    """Read a profile, remembering every fault; English and UTC where nothing is said."""
    return Profile(
        faults.take("name", check_name, name) or "",
        faults.take("locale", check_locale, locale) or _DEFAULT_LOCALE,
        faults.take("timezone", check_time_zone, time_zone) or _DEFAULT_TIME_ZONE,
    )


def parse_profile_change(name: str | None, locale: str | None, time_zone: str | None) -> ProfileChange:
    """Read what a change of a profile asks for; `invalid-input` names every fault."""
    faults = Faults()
    change = ProfileChange(
        faults.take("name", check_name, name),
        faults.take("locale", check_locale, locale),
        faults.take("timezone", check_time_zone, time_zone),
    )
    faults.settle()
    return change
