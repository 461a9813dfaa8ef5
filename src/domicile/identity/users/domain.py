"""Who a user is, and the rules for what they are called and where they are written to."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from domicile.kernel.faults import Faults
from domicile.kernel.ids import UserId
from domicile.kernel.text import Refused, check_line, check_locale, check_time_zone

LONGEST_NAME = 100
_LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_DEFAULT_LOCALE = "en"
_DEFAULT_TIME_ZONE = "UTC"


class UserState(StrEnum):
    """Whether a person may sign in at all."""

    ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address: as its owner writes it, and as it is told from others."""

    shown: str
    key: str
    """The same for every spelling in upper and lower case, and for a domain in Unicode and in ASCII; mail is sent to it."""


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

    @property
    def mfa_enabled(self) -> bool:
        """Tell whether the person has a second factor; there is only the password so far."""
        return False


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


def parse_email(text: str) -> Email:
    """Read an e-mail address (RFC 5321, without quoted local parts, address literals and SMTPUTF8).

    Encoded words (RFC 2047) are refused: mail programs show something else than what was checked. Domains of the
    reserved top-level name `test` (RFC 2606) are accepted; whether a domain takes mail is not asked.
    """
    address = text.strip()
    if len(address) > _LONGEST_EMAIL:
        raise Refused(f"must be at most {_LONGEST_EMAIL} characters long")
    if "=?" in address:
        raise Refused("must not contain an encoded word")
    try:
        read = validate_email(
            address, allow_smtputf8=False, check_deliverability=False, test_environment=True, strict=True
        )
    except EmailNotValidError:
        raise Refused("must be an e-mail address such as ann@example.com") from None
    return Email(read.normalized, f"{read.local_part}@{read.ascii_domain}".lower())


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
