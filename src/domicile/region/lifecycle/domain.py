"""When an account that is suspended is purged, and when its users are warned before that."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domicile.kernel.ids import AccountId

WARNINGS: Final = (7, 1)
"""Days before the purge at which the users with full access are warned."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A suspended account whose next warning may be due."""

    account_id: AccountId
    purge_after: datetime
    warned_days: int
    """The days before the purge at which the last warning was due; at first the whole span, for which the first mail stands."""
    version: int


def warning_due(pending: Pending, now: datetime) -> int | None:
    """Tell which warning is due; None: none yet, or none any more.

    Of several that were missed, because no worker ran, the latest stands for all.
    """
    left = pending.purge_after - now
    due = [days for days in WARNINGS if days < pending.warned_days and left <= timedelta(days=days)]
    return min(due, default=None) if left > timedelta(0) else None
