"""What a region knows of a person."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.ids import AccountId, RegionId
from domicile.region.api_keys.domain import ApiKey
from domicile.region.invitations.domain import Invitation
from domicile.region.memberships.domain import Member


@dataclass(frozen=True, slots=True)
class ExportedPlace:
    """What a person is in one account, with what they made there."""

    account_id: AccountId
    alias: str
    member: Member
    invited_by_me: tuple[Invitation, ...]
    keys_made_by_me: tuple[ApiKey, ...]


@dataclass(frozen=True, slots=True)
class ExportedRegion:
    """All of a person in one region that has an end in sight; events come page by page."""

    region_id: RegionId
    places: tuple[ExportedPlace, ...]
    invited: tuple[tuple[AccountId, Invitation], ...]
    """Invitations to the person's address, with their accounts."""
    produced_at: datetime
