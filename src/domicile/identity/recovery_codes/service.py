"""Use cases about recovery codes: a set is made and shown once, and each code is used once."""

from dataclasses import dataclass
from datetime import datetime

from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.notices.service import append_notice, whereabouts
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery_codes import store
from domicile.identity.recovery_codes.domain import CodeSet, new_codes, read_code
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError, conflict
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class NewCodes:
    """A set of codes, shown this once."""

    codes: tuple[SecretText, ...]
    created_at: datetime


async def renew_recovery_codes(plane: IdentityPlane, person: Person) -> NewCodes:
    """Give the caller a new set, for who has used a second factor lately (`reauthentication-required`); the former set is worth nothing.

    `no-second-factor` for who has none: there is nothing that the codes could stand in for. The person is told by mail.
    """
    now = plane.clock()
    person.require_fresh(now)

    async def work(tx: IdentityTx) -> NewCodes:
        user = await find_user(tx, person.user_id)
        if user is None or not user.mfa_enabled:
            raise no_second_factor()
        made = await _make(plane, tx, user.id, now=now)
        details = {"left": str(len(made.codes)), **whereabouts(person.origin)}
        event = security_event(user.id, SecurityEventType.CODES_MADE, person.origin, now=now, details=details)
        await append_notice(plane, tx, event)
        return made

    return await plane.database.run_tx(work)


async def describe_recovery_codes(plane: IdentityPlane, person: Person) -> CodeSet | None:
    """Tell how many codes the caller has left; None if they have none, and never had."""
    return await plane.database.read(lambda tx: store.find_code_set(tx, person.user_id))


async def give_first_codes(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, *, now: datetime
) -> NewCodes | None:
    """Give a person their first set, in the transaction in which they get a second factor; None while they have codes left."""
    had = await store.find_code_set(tx, user)
    return None if had is not None and had.left else await _make(plane, tx, user, now=now)


async def use_recovery_code(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, code: SecretText, *, now: datetime
) -> bool:
    """Use a code up, in the transaction of what it is shown for; False if it is wrong, or was used."""
    read = read_code(code.reveal())
    return read is not None and await store.use_code(tx, user, hash_of(plane, user, read), now=now)


async def note_recovery_code_used(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, origin: Origin, *, now: datetime
) -> None:
    """Write down that a code was used, and that the person is to be told with the number that is left; in the transaction of its use."""
    left = await store.find_code_set(tx, user)
    details = {"left": str(left.left if left else 0), **whereabouts(origin)}
    event = security_event(user, SecurityEventType.CODE_USED, origin, now=now, details=details)
    await append_notice(plane, tx, event)


def hash_of(plane: IdentityPlane, user: UserId, read: str) -> bytes:
    """Hash a code as it was read, bound to its user; 80 bits need no slow hash (OWASP ASVS 5.0, 6.5.2)."""
    return plane.code_hash.of(f"recovery {user} {read}")


def no_second_factor() -> DomainError:
    """Make the refusal of recovery codes for who has nothing that they could stand in for."""
    return conflict(
        "no-second-factor", "You have no second factor: add one at /api/me/factors, and codes come with it."
    )


async def _make(plane: IdentityPlane, tx: IdentityTx, user: UserId, *, now: datetime) -> NewCodes:
    codes = new_codes()
    hashes = tuple(hash_of(plane, user, read) for code in codes if (read := read_code(code)))
    await store.replace_codes(tx, user, hashes, now=now)
    return NewCodes(tuple(map(SecretText, codes)), now)
