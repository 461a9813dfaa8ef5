"""Deletion receipts on the wire."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.purging.domain import Receipt
from domicile.region.service_purges.domain import ServicePurge
from domicile.web.bodies import Wire


class KeptBody(Wire, frozen=True):
    """Something that a purge leaves, and why."""

    what: str
    why: str
    until: str


class ServiceReceiptBody(Wire, frozen=True):
    """How it stands with a service that was asked to delete the account."""

    example: ClassVar[dict[str, object]] = {
        "service": "workload",
        "state": "awaited",
        "asked": "2026-05-31T08:00:00Z",
    }

    service: str
    state: str
    """`acknowledged`, `awaited`, or `overdue` after three days."""
    asked: str
    acknowledged: str | UnsetType = UNSET
    signed: str | UnsetType = UNSET
    """The service's receipt: a compact JWS (RFC 7515) under the region's key."""


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
        "services": [ServiceReceiptBody.example],
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
    services: list[ServiceReceiptBody]
    """Of each service that was asked to delete the account: whether it has, and its own receipt."""
    signed: str
    """A compact JWS (RFC 7515) under the region's key."""
    digest: str | UnsetType = UNSET
    """SHA-256 of `signed` in hexadecimal, as the directory holds it; absent while it has not been told, or cannot be reached."""


def shape_receipt(
    receipt: Receipt,
    claims: dict[str, Any],
    filed: bytes | None,
    of_services: Sequence[ServicePurge],
    *,
    now: datetime,
) -> DeletionReceiptBody:
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
        services=[_shape_service(each, now) for each in of_services],
        signed=receipt.signed,
        digest=UNSET if filed is None else filed.hex(),
    )


def _shape_service(purge: ServicePurge, now: datetime) -> ServiceReceiptBody:
    return ServiceReceiptBody(
        service=purge.service,
        state=purge.state(now),
        asked=whole_seconds(purge.asked_at),
        acknowledged=whole_seconds(purge.acknowledged_at) if purge.acknowledged_at else UNSET,
        signed=purge.signed or UNSET,
    )
