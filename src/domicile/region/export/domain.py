"""What a region knows of a person, and until when after a sign-in or a password it gives that out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domicile.kernel.callers import Person
from domicile.kernel.errors import forbidden
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.api_keys.domain import ApiKey
from domicile.region.invitations.domain import Invitation
from domicile.region.memberships.domain import Member

FRESH: Final = timedelta(minutes=10)
"""How long showing the password counts as just done."""


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


def check_fresh(person: Person, now: datetime) -> None:
    """Refuse (`reauthentication-required`) a session in which the password was not shown within ten minutes."""
    if person.authenticated_at < now - FRESH:
        raise forbidden(
            "reauthentication-required", "Show your password again: POST /api/me/export, then ask here."
        )
