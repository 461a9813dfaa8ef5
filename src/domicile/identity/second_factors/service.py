"""Which second factors a person has, and use of a code that they typed, in the transaction of what it is shown for."""

from datetime import datetime

from domicile.identity.passkeys.service import are_possible
from domicile.identity.passkeys.store import has_usable_passkey
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes.domain import read_code
from domicile.identity.recovery_codes.service import note_recovery_code_used, use_recovery_code
from domicile.identity.recovery_codes.store import find_code_set
from domicile.identity.totp.service import use_totp
from domicile.identity.totp.store import list_confirmed
from domicile.infra.databases import IdentityTx
from domicile.infra.one_time_codes import looks_like_totp
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId
from domicile.kernel.methods import Way, methods_of


async def list_ways(plane: IdentityPlane, tx: IdentityTx, user: UserId) -> tuple[Way, ...]:
    """List the second factors that a person can show here: what they use every day first, what is for the day of need last."""
    codes = await find_code_set(tx, user)
    has = {
        Way.TOTP: bool(await list_confirmed(tx, user)),
        Way.PASSKEY: are_possible(plane) and await has_usable_passkey(tx, user),
        Way.RECOVERY_CODE: codes is not None and codes.left > 0,
    }
    return tuple(way for way, is_there in has.items() if is_there)


def way_of_code(code: SecretText) -> Way | None:
    """Tell by its looks which kind of code somebody typed, and nothing of whether it is good; None: it is neither."""
    typed = "".join(code.reveal().split())
    if looks_like_totp(typed):
        return Way.TOTP
    return Way.RECOVERY_CODE if read_code(code.reveal()) is not None else None


async def use_code(
    plane: IdentityPlane,
    tx: IdentityTx,
    user: UserId,
    way: Way,
    code: SecretText,
    *,
    origin: Origin,
    now: datetime,
) -> tuple[str, ...] | None:
    """Use a code of an app, or a recovery code, up; gives what a session remembers of it, None if it is wrong, late, or was used.

    The person is told by mail of every recovery code that was used.
    """
    match way:
        case Way.TOTP:
            typed = SecretText("".join(code.reveal().split()))
            good = await use_totp(plane, tx, user, typed, now=now) is not None
        case Way.RECOVERY_CODE:
            good = await use_recovery_code(plane, tx, user, code, now=now)
            if good:
                await note_recovery_code_used(plane, tx, user, origin, now=now)
        case Way.PASSWORD | Way.PASSKEY:
            raise ValueError(f"{way} is no code")
    return methods_of(way) if good else None
