"""What identity and the directory know of a person."""

from dataclasses import dataclass
from datetime import datetime

from domicile.identity.factors.domain import OwnFactors
from domicile.identity.sessions.domain import Session
from domicile.identity.users.domain import User
from domicile.kernel.ids import AccountId, RegionId


@dataclass(frozen=True, slots=True)
class ExportedMembership:
    """What the directory says of one of a person's accounts."""

    account_id: AccountId
    region_id: RegionId
    state: str
    """Of the membership; ended ones are there too."""
    role_id: str | None
    """None: the region keeps it to itself."""


@dataclass(frozen=True, slots=True)
class ExportedPerson:
    """All of a person that has an end in sight; events come page by page."""

    user: User
    pending_email: str | None
    sessions: tuple[Session, ...]
    factors: OwnFactors
    """Without their secrets."""
    memberships: tuple[ExportedMembership, ...]
    regions: tuple[RegionId, ...]
    """Which may have more, each at its own address."""
    produced_at: datetime
