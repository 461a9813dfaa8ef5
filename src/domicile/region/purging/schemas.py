"""Deletion receipts on the wire."""

from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.region.purging.domain import Receipt
from domicile.web.bodies import Wire


class KeptBody(Wire, frozen=True):
    """Something that a purge leaves, and why."""

    what: str
    why: str
    until: str


class DeletionReceiptBody(Wire, frozen=True):
    """What was deleted of an account, when, and what is kept; `signed` is the same as a signed statement."""

    example: ClassVar[dict[str, object]] = {
        "id": "rec_de-1_4f9Zk2Lw8QpX0aBcD1eFgH",
        "accountID": "004217730956",
        "region": "de-1",
        "suspended": "2026-05-01T08:00:00Z",
        "begun": "2026-05-31T08:00:00Z",
        "ended": "2026-05-31T08:00:04Z",
        "rows": 28,
        "deleted": {"accounts": 1, "audit_events": 24, "memberships": 3},
        "remaining": 0,
        "kept": [
            {
                "what": "directory_accounts",
                "why": "The account's id, its region and when it was given out, so that no account ever gets this id again.",
                "until": "for ever",
            }
        ],
        "services": [],
        "signed": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRvbWljaWxlLWRlbGV0aW9uLXJlY2VpcHQrand0In0.e30.c2ln",
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }

    id: str
    account_id: str = field(name="accountID")
    region: str
    suspended: str
    begun: str
    ended: str
    rows: int
    """Rows deleted, in all tables."""
    deleted: dict[str, int]
    """Rows deleted, by table."""
    remaining: int
    """Rows that were found when every table was counted again."""
    kept: list[KeptBody]
    services: list[str]
    """Receipts of services in which the account had data."""
    signed: str
    """A compact JWS (RFC 7515) under the region's key."""
    digest: str | UnsetType = UNSET
    """SHA-256 of `signed` in hexadecimal, as the directory holds it; absent while it has not been told, or cannot be reached."""


def shape_receipt(receipt: Receipt, claims: dict[str, Any], filed: bytes | None) -> DeletionReceiptBody:
    """Write a receipt for the wire."""
    return DeletionReceiptBody(
        id=receipt.id,
        account_id=receipt.account_id,
        region=claims["region"],
        suspended=claims["suspended"],
        begun=claims["begun"],
        ended=claims["ended"],
        rows=claims["rows"],
        deleted=claims["deleted"],
        remaining=claims["remaining"],
        kept=[KeptBody(**each) for each in claims["kept"]],
        services=claims["services"],
        signed=receipt.signed,
        digest=UNSET if filed is None else filed.hex(),
    )
