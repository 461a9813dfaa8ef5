"""Use of a recovery code, once."""

from datetime import datetime

from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes import store
from domicile.identity.recovery_codes.domain import read_code
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.ids import UserId


async def use_recovery_code(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, code: SecretText, *, now: datetime
) -> bool:
    """Use a code up, in the transaction of what it is shown for; False if it is wrong, or was used."""
    read = read_code(code.reveal())
    return read is not None and await store.use_code(tx, user, hash_of(plane, user, read), now=now)


def hash_of(plane: IdentityPlane, user: UserId, read: str) -> bytes:
    """Hash a code as it was read, bound to its user; 80 bits need no slow hash (OWASP ASVS 5.0, 6.5.2)."""
    return plane.code_hash.of(f"recovery {user} {read}")
