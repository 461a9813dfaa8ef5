"""How far a purge has come, and what its receipt says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import DomainError, not_found
from domicile.kernel.ids import AccountId, ReceiptId, RegionId

RECEIPT_TYPE: Final = "domicile-deletion-receipt+jwt"
"""Media type in the header of a signed receipt (RFC 8725, section 3.11): no other statement of the region passes for one."""

KEPT: Final = (
    (
        "access_log",
        "The account's id, and ids of its users and keys, in the list of what changed, so that every process drops its copies.",
        "one day",
    ),
    (
        "directory_accounts",
        "The account's id, its region and when it was given out, so that no account ever gets this id again.",
        "for ever",
    ),
    ("deletion_receipts, directory_receipts", "This receipt, and its fingerprint.", "for ever"),
    ("service_purges", "Which services were asked to delete the account, and their receipts.", "for ever"),
    (
        "service_events",
        "The account's id, and ids of its users, in what services were told of it.",
        "30 days after a service was told",
    ),
    (
        "database files",
        "Space that the engine has freed and not used again; it is read by no query.",
        "SQLite: until the next checkpoint of its log; PostgreSQL: until the next vacuum",
    ),
    (
        "backups",
        "What was in the region's backups before; they stay in the region and are not changed.",
        "until they expire",
    ),
)
"""What a purge leaves, why, and for how long."""


class Stage(StrEnum):
    """Where a purge stands."""

    DELETING = "deleting"
    """Rows are being deleted, table by table."""
    TELLING = "telling"
    """All rows are gone and the receipt is written; the directory is to be told."""


@dataclass(frozen=True, slots=True)
class Purge:
    """The deletion of one account under way."""

    account_id: AccountId
    receipt_id: ReceiptId
    suspended_at: datetime
    begun_at: datetime
    stage: Stage
    expected: Mapping[str, int]
    """Rows by table, as counted at the beginning; empty: not counted yet."""
    deleted: Mapping[str, int]
    """Rows deleted so far, by table, counted with the deletion itself."""
    account_version: int
    """The last that the account had."""
    version: int
    """Of this record: each step goes on from the one before, so that two workers cannot both take it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A deletion receipt: the signed statement, and what it says."""

    id: ReceiptId
    account_id: AccountId
    at: datetime
    signed: str


def receipt_claims(
    purge: Purge,
    *,
    issuer: str,
    region: RegionId,
    services: Sequence[str],
    remaining: int,
    ended_at: datetime,
) -> dict[str, Any]:
    """Say what a receipt says: ids, dates and numbers, and nothing of what was deleted."""
    return {
        "iss": issuer,
        "iat": int(ended_at.timestamp()),
        "jti": purge.receipt_id,
        "region": region,
        "account": purge.account_id,
        "suspended": whole_seconds(purge.suspended_at),
        "begun": whole_seconds(purge.begun_at),
        "ended": whole_seconds(ended_at),
        "deleted": dict(purge.deleted),
        "rows": sum(purge.deleted.values()),
        "remaining": remaining,
        "kept": [{"what": what, "why": why, "until": until} for what, why, until in KEPT],
        "services": list(services),
    }


def no_receipt() -> DomainError:
    """Make the one answer for a receipt that is not there, or not yet."""
    return not_found("deletion receipt")
