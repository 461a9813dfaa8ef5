"""Departures on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.departure.domain import DepartureStatus
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire, or_unset


class DeletionBody(Wire, frozen=True, forbid_unknown_fields=True):
    """The present password, as a signature."""

    example: ClassVar[dict[str, object]] = {"password": "correct horse battery staple"}

    password: str

    def __repr__(self) -> str:
        return "DeletionBody(…)"


class BlockedAccountBody(Wire, frozen=True):
    """An account that would be left without an owner."""

    example: ClassVar[dict[str, object]] = {
        "id": "004217730956",
        "region": "de-1",
        "alias": "Example Labs",
    }

    id: str
    region: str
    alias: str | UnsetType = UNSET


class DepartureBody(Wire, frozen=True):
    """Where the deletion of the caller stands."""

    example: ClassVar[dict[str, object]] = {
        "state": "leaving",
        "asked": "2026-05-01T08:00:00Z",
        "awaitedRegions": ["jp-1"],
        "accounts": [],
    }

    state: str
    """`none`, `leaving`, `refused` or `deleted`."""
    awaited_regions: list[str]
    """The regions that have not answered yet."""
    accounts: list[BlockedAccountBody]
    """The accounts for which it was refused, because their last user with full access the caller is."""
    asked: str | UnsetType = UNSET


def shape_departure(status: DepartureStatus) -> DepartureBody:
    """Write the status of a departure for the wire."""
    return DepartureBody(
        state=status.state,
        asked=or_unset(whole_seconds(status.asked_at) if status.asked_at else None),
        awaited_regions=list(status.awaited),
        accounts=[
            BlockedAccountBody(id=one.id, region=one.region_id, alias=or_unset(one.alias))
            for one in status.blocked
        ],
    )
