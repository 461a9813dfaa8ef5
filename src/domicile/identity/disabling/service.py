"""Use cases of the operator about people: find one, disable one, enable one; the command line alone calls them."""

from dataclasses import dataclass

from domicile.directory.departures.store import Departure, list_departures, list_regions_to_ask
from domicile.directory.feed.store import USER_CHANGED
from domicile.identity.departure.service import stay
from domicile.identity.events.domain import SYSTEM_ORIGIN, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.factors.domain import Factor
from domicile.identity.factors.service import forget_factors
from domicile.identity.notices.service import append_notice
from domicile.identity.passwords.store import delete_hash, is_short
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.store import delete_sessions
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import (
    change_state,
    find_user,
    find_user_by_email,
    raise_epoch,
    set_mfa_enabled,
    tell_regions_of,
)
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.kernel.errors import not_found
from domicile.kernel.faults import Faults
from domicile.kernel.ids import RegionId, UserId
from domicile.kernel.text import check_line

_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What an operator may see of a person."""

    user: User
    regions: tuple[RegionId, ...]
    """Where they may have a place."""
    answers: tuple[Departure, ...]
    """What the regions said to their departure, if they asked for one."""


@dataclass(frozen=True, slots=True)
class FactorReset:
    """Whose second factors were taken away, and which."""

    user: User
    gone: tuple[Factor, ...]
    """Empty: there were none."""


async def find_person(plane: IdentityPlane, email_or_id: str) -> PersonRecord:
    """Find a person by address or id; `not-found` for nobody."""

    async def work(tx: IdentityTx) -> PersonRecord:
        user = await _find(tx, email_or_id)
        return PersonRecord(user, await list_regions_to_ask(tx, user.id), await list_departures(tx, user.id))

    return await plane.database.read(work)


async def disable_person(plane: IdentityPlane, user_id: UserId, reason: str) -> User:
    """Keep a person out: every session ends, every account token is worthless, signing in fails; memberships and roles stay.

    Doing it again changes nothing. Whoever is leaving the platform is not: they are gone in a moment, or `enable_person` keeps them.
    """
    told, now = _check_reason(reason), plane.clock()

    async def work(tx: IdentityTx) -> User:
        changed = await change_state(tx, user_id, former=UserState.ENABLED, new=UserState.DISABLED, now=now)
        if changed is None:
            return await _get(tx, user_id)
        await delete_sessions(tx, user_id, but=None)
        details = {"reason": told}
        await append_event(
            tx,
            security_event(user_id, SecurityEventType.USER_DISABLED, SYSTEM_ORIGIN, now=now, details=details),
        )
        return await raise_epoch(tx, user_id, now=now)

    user = await plane.database.run_tx(work)
    await plane.tell_regions()
    return user


async def reset_factors(plane: IdentityPlane, user_id: UserId, reason: str) -> FactorReset:
    """Take every second factor and recovery code away from a person who has proved to the operator who they are, and lost them.

    Every session ends and every account token is worthless; the password stays, and nobody chooses another for them (OWASP ASVS 5.0,
    6.4.4 and 6.4.6). One that is too short to stand alone goes too: they set another through their mailbox. They are told by mail.
    For who has none, nothing is changed.
    """
    told, now = _check_reason(reason), plane.clock()

    async def work(tx: IdentityTx) -> FactorReset:
        user = await _get(tx, user_id)
        gone = await forget_factors(tx, user_id)
        if not gone:
            return FactorReset(user, ())
        await delete_sessions(tx, user_id, but=None)
        if await is_short(tx, user_id):
            await delete_hash(tx, user_id)
        details = {"reason": told, "count": str(len(gone))}
        type_ = SecurityEventType.FACTORS_RESET
        await append_notice(
            plane, tx, security_event(user_id, type_, SYSTEM_ORIGIN, now=now, details=details)
        )
        await set_mfa_enabled(tx, user_id, has_factor=False, now=now)
        return FactorReset(await raise_epoch(tx, user_id, now=now), gone)

    reset = await plane.database.run_tx(work)
    await plane.tell_regions()
    return reset


async def enable_person(plane: IdentityPlane, user_id: UserId, reason: str) -> User:
    """Let a disabled person in again, with the memberships and roles that they have; or keep one who is leaving.

    They sign in anew. Doing it again changes nothing.
    """
    told, now = _check_reason(reason), plane.clock()

    async def work(tx: IdentityTx) -> User:
        await stay(plane, tx, user_id, SYSTEM_ORIGIN, keeping=())
        changed = await change_state(tx, user_id, former=UserState.DISABLED, new=UserState.ENABLED, now=now)
        if changed is None:
            return await _get(tx, user_id)
        regions = await list_regions_to_ask(tx, user_id)
        await tell_regions_of(tx, USER_CHANGED, user_id, regions, version=changed.version, now=now)
        details = {"reason": told}
        await append_event(
            tx,
            security_event(user_id, SecurityEventType.USER_ENABLED, SYSTEM_ORIGIN, now=now, details=details),
        )
        return changed

    user = await plane.database.run_tx(work)
    await plane.tell_regions()
    return user


async def _find(tx: IdentityTx, email_or_id: str) -> User:
    if "@" not in email_or_id:
        return await _get(tx, UserId(email_or_id))
    faults = Faults()
    email = faults.take("email", parse_email_address, email_or_id)
    faults.settle()
    user = await find_user_by_email(tx, email.key) if email else None
    if user is None:
        raise not_found("person")
    return user


async def _get(tx: IdentityTx, user_id: UserId) -> User:
    if (user := await find_user(tx, user_id)) is None:
        raise not_found("person")
    return user


def _check_reason(reason: str) -> str:
    faults = Faults()
    told = faults.take("reason", lambda text: check_line(text, longest=_LONGEST_REASON), reason)
    faults.settle()
    return told or ""
