"""Use cases by which a user is deleted: ask every region of theirs, then delete or stay; the answers come by the couriers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domicile.directory.departures import store as departures
from domicile.directory.departures.store import Departure, Leaver, LeaverState, RegionAnswer
from domicile.directory.feed.store import USER_DELETED, USER_LEAVING, USER_STAYS
from domicile.identity.addresses.store import delete_changes, release_address
from domicile.identity.departure.domain import BlockedAccount, DepartureState, DepartureStatus
from domicile.identity.events.domain import (
    SYSTEM_ORIGIN,
    Outcome,
    SecurityEventType,
    security_event,
)
from domicile.identity.events.store import append_event, forget_whereabouts
from domicile.identity.factors.service import forget_factors
from domicile.identity.known_devices.store import delete_devices
from domicile.identity.passwords.service import confirm_password, password_wrong
from domicile.identity.passwords.store import delete_hash, find_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.recovery.store import delete_resets
from domicile.identity.registration.store import delete_sign_ups
from domicile.identity.sessions.store import delete_sessions
from domicile.identity.signing_in.store import delete_sign_ins
from domicile.identity.throttling.store import delete_attempts
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import change_state, delete_user, find_user, tell_regions_of
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError, ErrorKind, not_found
from domicile.kernel.ids import UserId

_MEMORY = timedelta(days=1)
"""How long somebody who stayed can see why."""
_MOST_AT_ONCE = 200


async def delete_myself(plane: IdentityPlane, person: Person, password: SecretText) -> DepartureStatus:
    """Delete the caller, if no account anywhere would be left without an owner.

    Every region where they may have a place is asked; the regions of this process answer before this does. `password-wrong`;
    `last-full-access-user` with the accounts, and nothing is changed. Where a region cannot be reached the status says which one is
    awaited: until then the person can do nothing but wait, or cancel.
    """
    act = SecurityEventType.USER_LEAVING
    if not person.is_leaving:
        kept = await confirm_password(plane, person, password, field="password", act=act)
        await plane.database.run_tx(lambda tx: _ask(plane, tx, person, kept))
    await plane.tell_regions()
    status = await settle_departure(plane, person.user_id)
    await plane.tell_regions()
    if status.state is DepartureState.REFUSED:
        raise _last_owner(status.blocked)
    return status


async def find_departure(plane: IdentityPlane, person: Person) -> DepartureStatus:
    """Tell where the caller's departure stands; what is decided by now takes effect."""
    if person.is_leaving:
        return await settle_departure(plane, person.user_id)
    return await plane.database.read(lambda tx: _status(tx, person.user_id))


async def cancel_departure(plane: IdentityPlane, person: Person) -> None:
    """Think better of it: everything is as before; `not-found` if the caller is not leaving, or is gone by now."""

    async def work(tx: IdentityTx) -> None:
        if not await stay(plane, tx, person.user_id, person.origin, keeping=()):
            raise not_found("deletion")

    await plane.database.run_tx(work)
    await plane.tell_regions()


async def settle_departures(plane: IdentityPlane) -> None:
    """Carry on every departure whose regions have answered; the worker does so every second."""
    leaving = await plane.database.read(lambda tx: departures.list_leaving(tx, at_most=_MOST_AT_ONCE))
    for leaver in leaving:
        await settle_departure(plane, leaver.user_id)


async def settle_departure(plane: IdentityPlane, user: UserId) -> DepartureStatus:
    """Do what the answers allow: delete the user when every region is ready, keep them when one is not, or go on waiting."""
    return await plane.database.run_tx(lambda tx: _settle(plane, tx, user))


async def forget_old_departures(plane: IdentityPlane) -> None:
    """Forget why people who stayed did."""
    before = plane.clock() - _MEMORY
    await plane.database.run_tx(lambda tx: departures.forget_departures(tx, before=before))


async def stay(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, origin: Origin, *, keeping: Sequence[Departure]
) -> bool:
    """Take a departure back in the running transaction, `keeping` the answers that tell why; False if they are not leaving."""
    now = plane.clock()
    stayed = await change_state(tx, user, former=UserState.LEAVING, new=UserState.ENABLED, now=now)
    if stayed is None:
        return False
    asked = [row.region_id for row in await departures.list_departures(tx, user)]
    await departures.drop_leaver(tx, user)
    await departures.keep_departures(tx, user, [row.region_id for row in keeping])
    await tell_regions_of(tx, USER_STAYS, user, asked, version=stayed.version, now=now)
    outcome = Outcome.REFUSED if keeping else Outcome.SUCCESS
    # Of a refused departure the event tells that; of a cancelled one, that the person stayed.
    act = SecurityEventType.USER_LEAVING if keeping else SecurityEventType.USER_STAYED
    await append_event(tx, security_event(user, act, origin, now=now, outcome=outcome))
    return True


async def _ask(plane: IdentityPlane, tx: IdentityTx, person: Person, kept: str) -> None:
    now, user_id = plane.clock(), person.user_id
    if await find_hash(tx, user_id) != kept:
        raise password_wrong()
    user = await change_state(tx, user_id, former=UserState.ENABLED, new=UserState.LEAVING, now=now)
    if user is None:
        # Asked twice at once: the other request is at it.
        return
    regions = await departures.list_regions_to_ask(tx, user_id)
    await departures.put_leaver(tx, user_id, LeaverState.LEAVING, version=user.version, at=now)
    await departures.put_departures(tx, user_id, regions, version=user.version, now=now)
    await tell_regions_of(tx, USER_LEAVING, user_id, regions, version=user.version, now=now)
    event = security_event(user_id, SecurityEventType.USER_LEAVING, person.origin, now=now)
    await append_event(tx, event)


async def _settle(plane: IdentityPlane, tx: IdentityTx, user_id: UserId) -> DepartureStatus:
    leaver = await departures.find_leaver(tx, user_id)
    if leaver is None:
        return await _status(tx, user_id)
    answers = await departures.list_departures(tx, user_id)
    states = {row.state for row in answers}
    if leaver.state is LeaverState.GONE:
        if states <= {RegionAnswer.DONE}:
            await departures.drop_departures(tx, user_id)
    elif RegionAnswer.BLOCKED in states:
        blocked = [row for row in answers if row.state is RegionAnswer.BLOCKED]
        await stay(plane, tx, user_id, SYSTEM_ORIGIN, keeping=blocked)
    elif states <= {RegionAnswer.READY} and (user := await find_user(tx, user_id)) is not None:
        await _delete(plane, tx, user, leaver, answers)
    return await _status(tx, user_id)


async def _delete(
    plane: IdentityPlane, tx: IdentityTx, user: User, leaver: Leaver, answers: Sequence[Departure]
) -> None:
    """Delete everything that identity knows of a user, but the id and what happened to it; the address is free from then on."""
    now: datetime = plane.clock()
    await delete_sessions(tx, user.id, but=None)
    await delete_sign_ins(tx, user.id)
    await delete_devices(tx, user.id)
    await delete_hash(tx, user.id)
    await forget_factors(tx, user.id)
    await delete_resets(tx, user.id, user.email_key)
    await delete_sign_ups(tx, user.email_key)
    await delete_changes(tx, user.id)
    await delete_attempts(tx, user.id)
    await release_address(tx, plane.token_hash, user.email_key, now=now)
    if not await delete_user(tx, user.id):
        raise AssertionError("somebody who is leaving cannot be deleted")
    version = leaver.version + 1
    await departures.put_leaver(tx, user.id, LeaverState.GONE, version=version, at=now)
    regions = [row.region_id for row in answers]
    await tell_regions_of(tx, USER_DELETED, user.id, regions, version=version, now=now)
    await forget_whereabouts(tx, user.id)
    await append_event(tx, security_event(user.id, SecurityEventType.USER_DELETED, SYSTEM_ORIGIN, now=now))


async def _status(tx: IdentityTx, user: UserId) -> DepartureStatus:
    leaver = await departures.find_leaver(tx, user)
    answers = await departures.list_departures(tx, user)
    if leaver is not None and leaver.state is LeaverState.GONE:
        return DepartureStatus(DepartureState.DELETED, leaver.at)
    if leaver is not None:
        awaited = tuple(row.region_id for row in answers if row.state is RegionAnswer.ASKED)
        return DepartureStatus(DepartureState.LEAVING, leaver.at, awaited)
    blocking = [account for row in answers for account in row.blocking]
    if not blocking:
        return DepartureStatus(DepartureState.NONE)
    found = await departures.list_blocking_accounts(tx, blocking)
    blocked = tuple(BlockedAccount(one.id, one.region_id, one.alias) for one in found)
    return DepartureStatus(DepartureState.REFUSED, answers[0].at, blocked=blocked)


def _last_owner(blocked: Sequence[BlockedAccount]) -> DomainError:
    accounts = [
        {"id": one.id, "region": one.region_id} | ({"alias": one.alias} if one.alias is not None else {})
        for one in blocked
    ]
    return DomainError(
        ErrorKind.CONFLICT,
        "last-full-access-user",
        "You are the last user with full access in the accounts listed here: invite a successor, or delete the account, and ask again.",
        facts={"accounts": accounts},
    )
