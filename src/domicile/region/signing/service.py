"""Keeping the region's signing keys."""

from domicile.infra.databases import Database, RegionTx
from domicile.infra.secrets import Sealer
from domicile.infra.signing_keys import KeyKeeper
from domicile.kernel.clock import Clock
from domicile.kernel.ids import RegionId
from domicile.region.signing.store import signing_keys


def region_keeper(
    region: RegionId, database: Database[RegionTx], sealer: Sealer, clock: Clock
) -> KeyKeeper[RegionTx]:
    """Make the keeper of a region's keys; nothing is read before it is opened."""
    return KeyKeeper(region, signing_keys, database, sealer, clock)
