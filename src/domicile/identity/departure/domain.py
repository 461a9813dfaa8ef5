"""Where somebody's departure stands, put together from what each region said."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domicile.kernel.ids import AccountId, RegionId


class DepartureState(StrEnum):
    """How far it is."""

    NONE = "none"
    """Nothing was asked for, or it was cancelled."""
    LEAVING = "leaving"
    """Some region has not answered yet."""
    REFUSED = "refused"
    """Accounts would be left without an owner; the user stays."""
    DELETED = "deleted"
    """The user is gone."""


@dataclass(frozen=True, slots=True)
class BlockedAccount:
    """An account whose last user with full access somebody is."""

    id: AccountId
    region_id: RegionId
    alias: str | None
    """None: the region keeps it to itself."""


@dataclass(frozen=True, slots=True)
class DepartureStatus:
    """Where a departure stands."""

    state: DepartureState
    asked_at: datetime | None = None
    awaited: tuple[RegionId, ...] = ()
    """The regions that have not answered."""
    blocked: tuple[BlockedAccount, ...] = ()
    """The accounts for which it was refused."""
