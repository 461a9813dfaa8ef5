"""Purge receipts of services on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType, field

from domicile.kernel.clock import whole_seconds
from domicile.region.service_purges.domain import ServicePurge
from domicile.web.bodies import Wire


class AcknowledgementBody(Wire, frozen=True, forbid_unknown_fields=True):
    """That nothing of the account remains."""

    example: ClassVar[dict[str, object]] = {"deleted": {"findings": 12}, "remaining": 0}

    deleted: dict[str, int]
    """How many of what: names of kinds, nothing of the account."""
    remaining: int
    """What was found when all was counted again: 0."""


class ServicePurgeBody(Wire, frozen=True):
    """That the service was asked to delete an account, and its receipt."""

    example: ClassVar[dict[str, object]] = {
        "accountID": "004217730956",
        "receiptID": "rec_de-1_4f9Zk2Lw8QpX0aBcD1eFgH",
        "asked": "2026-05-31T08:00:00Z",
    }

    account_id: str = field(name="accountID")
    receipt_id: str = field(name="receiptID")
    """Of the account's deletion receipt, which the service's joins."""
    asked: str
    acknowledged: str | UnsetType = UNSET
    """Absent while the service owes the receipt."""
    signed: str | UnsetType = UNSET
    """The receipt: a compact JWS (RFC 7515) under the region's key."""


class ServicePurgesBody(Wire, frozen=True):
    """A page of them, by accounts; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"purges": [ServicePurgeBody.example]}

    purges: list[ServicePurgeBody]
    next: str | UnsetType = UNSET


def shape_service_purge(purge: ServicePurge) -> ServicePurgeBody:
    """Show it to the service."""
    return ServicePurgeBody(
        account_id=purge.account_id,
        receipt_id=purge.receipt_id,
        asked=whole_seconds(purge.asked_at),
        acknowledged=whole_seconds(purge.acknowledged_at) if purge.acknowledged_at else UNSET,
        signed=purge.signed or UNSET,
    )
