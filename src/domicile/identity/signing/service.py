"""Keeping identity's signing keys."""

from typing import Final

from domicile.identity.signing.store import identity_signing_keys
from domicile.infra.databases import Database, IdentityTx
from domicile.infra.secrets import Sealer
from domicile.infra.signing_keys import KeyKeeper
from domicile.kernel.clock import Clock

OWNER: Final = "identity"
"""Begins the ids of identity's keys; no region can be called that."""


def identity_keeper(database: Database[IdentityTx], sealer: Sealer, clock: Clock) -> KeyKeeper[IdentityTx]:
    """Make the keeper of identity's keys; nothing is read before it is opened."""
    return KeyKeeper(OWNER, identity_signing_keys, database, sealer, clock)
