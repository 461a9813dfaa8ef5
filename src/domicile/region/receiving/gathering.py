"""One person's invitations in all regions that this node serves: asked one by one, so that none is a condition of another."""

from dataclasses import dataclass

from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError, ErrorKind, not_found
from domicile.kernel.regions import Region
from domicile.region.invitations.domain import InvitationLink, Offer, Reference, link_invalid
from domicile.region.plane import RegionPlane
from domicile.region.receiving.service import list_my_invitations
from domicile.region.regions import Regions


@dataclass(frozen=True, slots=True)
class Gathered:
    """The offers to one person, each with its region, and the regions that could not be asked."""

    offers: tuple[tuple[Region, Offer], ...]
    elsewhere: tuple[Region, ...]


async def gather_my_invitations(regions: Regions, person: Person) -> Gathered:
    """Ask every region in the order of the configuration; one that cannot be reached is among the others' elsewhere.

    There is no index of addresses outside the regions, so that nothing of an invitation leaves its own.
    """
    offers: list[tuple[Region, Offer]] = []
    elsewhere: list[Region] = []
    for region in regions.all:
        found = await _ask(regions.served.get(region.id), person)
        if found is None:
            elsewhere.append(region)
        else:
            offers += [(region, offer) for offer in found]
    return Gathered(tuple(offers), tuple(elsewhere))


async def _ask(plane: RegionPlane | None, person: Person) -> tuple[Offer, ...] | None:
    if plane is None:
        return None
    try:
        return await list_my_invitations(plane, person)
    except DomainError as error:
        if error.kind is not ErrorKind.UNAVAILABLE:
            raise
        return None


def plane_of(regions: Regions, way: InvitationLink | Reference) -> RegionPlane:
    """Give the plane that a link or a reference leads to; `wrong-region` (421) for another node's, one answer for no region at all."""
    if all(region.id != way.region for region in regions.all):
        raise link_invalid() if isinstance(way, InvitationLink) else not_found("invitation")
    return regions.plane(way.region)
