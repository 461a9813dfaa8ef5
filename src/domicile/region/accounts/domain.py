"""What an account is, and what may be said and changed of it; its region is in no change."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.errors import DomainError, conflict
from domicile.kernel.faults import Faults
from domicile.kernel.ids import AccountId, ReceiptId, RegionId
from domicile.kernel.permissions import AccountState
from domicile.kernel.text import check_line, check_locale, check_time_zone

LONGEST_ALIAS = 100


@dataclass(frozen=True, slots=True)
class Account:
    """A container for services, locked to the region in whose database it lies."""

    id: AccountId
    alias: str
    locale: str
    time_zone: str
    state: AccountState
    mfa_required: bool
    created_at: datetime
    modified_at: datetime
    entitled_at: datetime
    suspension: "Suspension | None"
    """None: it is active."""
    version: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """Since when an account is suspended, until when it can be restored, and the receipt that its purge will leave."""

    since: datetime
    purge_after: datetime
    """From this moment on it is purged."""
    receipt_id: ReceiptId


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is wanted of an account to be made."""

    alias: str
    region: RegionId
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is to change; None: stays."""

    alias: str | None = None
    locale: str | None = None
    time_zone: str | None = None
    mfa_required: bool | None = None
    """Whether people may act here only in sessions in which they used a second factor."""


def check_alias(text: str) -> str:
    """Accept an alias: one visible line of at most 100 characters."""
    return check_line(text, longest=LONGEST_ALIAS)


def parse_new_account(
    alias: str, region: str, locale: str | None, time_zone: str | None, *, open_regions: tuple[RegionId, ...]
) -> NewAccount:
    """Read what a creation asks for; `invalid-input` names every fault."""
    faults = Faults()
    clean = faults.take("alias", check_alias, alias) or ""
    if region not in open_regions:
        faults.add(
            "region", f"must be one of {', '.join(open_regions)}" if open_regions else "no region is open now"
        )
    tongue = faults.take("locale", check_locale, locale) or "en"
    zone = faults.take("timezone", check_time_zone, time_zone) or "UTC"
    faults.settle()
    return NewAccount(clean, RegionId(region), tongue, zone)


def parse_account_change(
    alias: str | None = None,
    locale: str | None = None,
    time_zone: str | None = None,
    *,
    mfa_required: bool | None = None,
) -> AccountChange:
    """Read what a modification asks for; `invalid-input` names every fault."""
    faults = Faults()
    change = AccountChange(
        faults.take("alias", check_alias, alias),
        faults.take("locale", check_locale, locale),
        faults.take("timezone", check_time_zone, time_zone),
        mfa_required,
    )
    faults.settle()
    return change


def differences(before: Account, change: AccountChange) -> Mapping[str, object]:
    """Tell what a change makes of an account, by the names on the wire; what stays as it is is left out."""
    former = {
        "alias": before.alias,
        "locale": before.locale,
        "timezone": before.time_zone,
        "mfaRequired": before.mfa_required,
    }
    wanted = {
        "alias": change.alias,
        "locale": change.locale,
        "timezone": change.time_zone,
        "mfaRequired": change.mfa_required,
    }
    return {name: value for name, value in wanted.items() if value is not None and value != former[name]}


def mfa_locks_everyone_out() -> DomainError:
    """Make the refusal to ask for a second factor that no owner has."""
    return conflict(
        "mfa-locks-everyone-out",
        "No enabled user with full access has a second factor: nobody could enter. Let one of them add one first.",
    )
