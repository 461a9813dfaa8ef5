"""A record of usage, and what may be said in one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domicile.kernel.clock import parse_moment
from domicile.kernel.ids import AccountId, find_account_id
from domicile.kernel.services import Service

READ_USAGE: Final = "billing:usage:read"
MOST_RECORDS: Final = 1_000
"""In one report."""
LARGEST_PAGE: Final = 25
LARGEST_QUANTITY: Final = 2**53 - 1
LONGEST_ID: Final = 100
AHEAD: Final = timedelta(minutes=5)
"""So far may a service's clock be ahead."""
LATEST: Final = timedelta(days=35)
"""A record that is older comes too late."""

_ID = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True, slots=True)
class Said:
    """A record as a service says it, unread."""

    id: str
    account_id: str
    meter: str
    quantity: int
    time: str


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """So much of something was used at a moment."""

    id: str
    """The service's own; the same id is the same record."""
    account_id: AccountId
    meter: str
    quantity: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record as an account sees it."""

    service: str
    record: UsageRecord


class Outcome(StrEnum):
    """What came of a record."""

    COUNTED = "counted"
    REPEATED = "repeated"
    """A record of this id was counted before, whatever it said."""
    PASSED_OVER = "passed-over"
    """The region has no such account."""


def read_records(
    service: Service, said: Sequence[Said], *, now: datetime
) -> tuple[list[UsageRecord | None], dict[str, str]]:
    """Read records (None: there can be no such account), and say what is wrong with them, by JSON pointer (RFC 6901)."""
    if not 0 < len(said) <= MOST_RECORDS:
        return [], {"/records": f"must hold 1 to {MOST_RECORDS}"}
    meters = {meter.name for meter in service.meters}
    faults: dict[str, str] = {}
    read: list[UsageRecord | None] = []
    for index, each in enumerate(said):
        found = _faults_of(each, meters, now)
        faults |= {f"/records/{index}/{member}": reason for member, reason in found.items()}
        account, at = find_account_id(each.account_id), parse_moment(each.time)
        if account is None or at is None:
            read.append(None)
        else:
            read.append(UsageRecord(each.id, account, each.meter, each.quantity, at))
    return read, faults


def _faults_of(said: Said, meters: set[str], now: datetime) -> dict[str, str]:
    faults: dict[str, str] = {}
    if not _ID.fullmatch(said.id):
        faults["id"] = f"must have 1 to {LONGEST_ID} printable ASCII characters without blanks"
    if said.meter not in meters:
        faults["meter"] = "is no meter of the service's manifest"
    if not 0 <= said.quantity <= LARGEST_QUANTITY:
        faults["quantity"] = f"must be a whole number from 0 to {LARGEST_QUANTITY}"
    at = parse_moment(said.time)
    if at is None:
        faults["time"] = "must be a moment like 2026-11-27T10:15:00Z (RFC 3339)"
    elif at > now + AHEAD:
        faults["time"] = "lies in the future"
    elif at < now - LATEST:
        faults["time"] = f"is more than {LATEST.days} days ago"
    return faults
