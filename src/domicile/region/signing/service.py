"""Opening the region's signing key."""

from datetime import datetime

from domicile.infra.databases import Database, RegionTx
from domicile.infra.secrets import Sealer
from domicile.infra.signing import Signer, load_signer, new_signer
from domicile.kernel.ids import RegionId
from domicile.region.signing.store import find_current_key, insert_current_key


async def open_signer(
    region: RegionId, database: Database[RegionTx], sealer: Sealer, *, now: datetime
) -> Signer:
    """Load the region's signing key, making it on the first start; of several nodes that start at once one makes it.

    ValueError if the root key is not the one under which the signing key was sealed.
    """

    async def load(tx: RegionTx) -> tuple[str, bytes]:
        while (found := await find_current_key(tx)) is None:
            made = new_signer(region)
            sealed = sealer.seal(made.private_bytes(), context=_context(made.key_id))
            await insert_current_key(tx, made.key_id, sealed=sealed, public=made.public_key(), now=now)
        return found

    kid, sealed = await database.run_tx(load)
    return load_signer(sealer.open(sealed, context=_context(kid)))


def _context(kid: str) -> str:
    return f"signing key {kid}"
