"""Use of an authenticator app: whether a code is good, once."""

from datetime import datetime

from domicile.identity.plane import IdentityPlane
from domicile.identity.totp import store
from domicile.identity.totp.domain import TotpFactor
from domicile.infra.databases import IdentityTx
from domicile.infra.one_time_codes import find_step, looks_like_totp
from domicile.infra.secrets import SecretText
from domicile.kernel.ids import UserId


async def use_totp(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, code: SecretText, *, now: datetime
) -> TotpFactor | None:
    """Use a code up, in the transaction of what it is shown for; gives the app that it is of, None if it is wrong, late, or was used."""
    typed = code.reveal()
    if not looks_like_totp(typed):
        return None
    for factor in await store.list_confirmed(tx, user):
        secret = open_secret(plane, factor)
        step = find_step(secret, typed, now=now, after=factor.last_step)
        if step is not None and await store.use_step(tx, factor, step, now=now):
            return factor
    return None


def seal_secret(plane: IdentityPlane, factor_id: str, secret: SecretText) -> bytes:
    """Seal an app's secret, bound to the factor."""
    return plane.sealer.seal(secret.reveal().encode(), context=_context(factor_id))


def open_secret(plane: IdentityPlane, factor: TotpFactor) -> SecretText:
    """Open an app's secret."""
    return SecretText(plane.sealer.open(factor.sealed_secret, context=_context(factor.id)).decode())


def _context(factor_id: str) -> str:
    return f"totp {factor_id}"
