"""The purge receipt of a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from domicile.kernel.clock import whole_seconds
from domicile.kernel.errors import DomainError, not_found
from domicile.kernel.ids import AccountId, ReceiptId, RegionId

RECEIPT_TYPE: Final = "domicile-service-purge-receipt+jwt"
"""Media type in the header of a signed receipt (RFC 8725, section 3.11)."""
PATIENCE: Final = timedelta(days=3)
"""A receipt that has not come after so long is overdue."""
MOST_NAMES: Final = 50
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class ServicePurge:
    """That a service was asked to delete an account, and its answer."""

    receipt_id: ReceiptId
    """Of the account's deletion receipt, which this one joins."""
    service: str
    account_id: AccountId
    asked_at: datetime
    acknowledged_at: datetime | None
    signed: str
    """The receipt, signed by the region; empty until the service has answered."""

    def state(self, now: datetime) -> str:
        """Say how it stands: `acknowledged`, `awaited` or `overdue`."""
        if self.acknowledged_at is not None:
            return "acknowledged"
        return "overdue" if now - self.asked_at > PATIENCE else "awaited"


def claims_of(
    purge: ServicePurge, deleted: Mapping[str, int], *, issuer: str, region: RegionId, now: datetime
) -> dict[str, Any]:
    """Say what a service's receipt says: names of kinds and numbers, as the service told them."""
    return {
        "iss": issuer,
        "iat": int(now.timestamp()),
        "jti": f"{purge.receipt_id}.{purge.service}",
        "region": region,
        "account": purge.account_id,
        "service": purge.service,
        "asked": whole_seconds(purge.asked_at),
        "acknowledged": whole_seconds(now),
        "deleted": dict(deleted),
        "remaining": 0,
    }


def deleted_faults(deleted: Mapping[str, int]) -> dict[str, str]:
    """Say what is wrong with the numbers of what was deleted."""
    if len(deleted) > MOST_NAMES:
        return {"deleted": f"must name at most {MOST_NAMES}"}
    faults: dict[str, str] = {}
    for name, count in deleted.items():
        if not (0 < len(name) <= LONGEST_NAME and name.isascii() and name.isprintable()):
            faults["deleted"] = f"each name has 1 to {LONGEST_NAME} printable ASCII characters"
        elif not 0 <= count < 2**53:
            faults["deleted"] = "each number must be 0 or more"
    return faults


def no_purge() -> DomainError:
    """Make the one answer for an account that the service was not asked to delete."""
    return not_found("purge of an account")
