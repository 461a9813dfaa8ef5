"""The regions of the platform as one node knows them, and which of them it serves."""

from dataclasses import dataclass

from domicile.infra.databases import Database, DirectoryTx
from domicile.kernel.clock import Clock, utc_now
from domicile.kernel.errors import DomainError, ErrorKind, not_found
from domicile.kernel.ids import RegionId
from domicile.kernel.regions import Region
from domicile.region.plane import RegionPlane
from domicile.web.cursors import Cursors


@dataclass(frozen=True, slots=True)
class Regions:
    """All regions of the platform, and the planes of those that this node serves."""

    all: tuple[Region, ...]
    served: dict[RegionId, RegionPlane]
    directory: Database[DirectoryTx]
    cursors: Cursors
    namespace: str
    identity_url: str
    """The public address of the identity plane."""
    clock: Clock = utc_now

    def get(self, region: RegionId) -> Region:
        """Find a region by its id; `not-found` for an unknown one."""
        for known in self.all:
            if known.id == region:
                return known
        raise not_found("region")

    def plane(self, region: RegionId) -> RegionPlane:
        """Give the plane of a region; `wrong-region` (421) if another node serves it, with its address."""
        if (plane := self.served.get(region)) is not None:
            return plane
        known = self.get(region)
        raise DomainError(
            ErrorKind.ELSEWHERE,
            "wrong-region",
            f"This account lives in {known.id}: call {known.base_url}.",
            facts={"region": known.id, "baseURL": known.base_url},
        )

    def open_ids(self) -> tuple[RegionId, ...]:
        """List the regions in which accounts may be created, in the order of the configuration."""
        return tuple(region.id for region in self.all if region.is_open)
