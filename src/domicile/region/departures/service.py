"""What the courier does in a region when a person leaves the platform: ask whether they may, set aside, end, or take back."""

from datetime import datetime
from typing import Final

from domicile.infra.databases import RegionTx
from domicile.infra.email_address import parse_email_address
from domicile.kernel.callers import MemberCard
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.permissions import Absence, MemberState
from domicile.region.access_log.store import Changed, append_access_log
from domicile.region.audit.domain import by_system
from domicile.region.audit.store import append_audit, erase_personal
from domicile.region.departures import store
from domicile.region.history.domain import Remembered, member_facts
from domicile.region.history.store import append_history
from domicile.region.invitations.domain import InvitationState
from domicile.region.leavers.store import LeavingState, find_leaving, put_leaving
from domicile.region.memberships.domain import Place
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import (
    end_place,
    list_places,
    list_solely_owned,
    renew_cards,
    set_absence,
)
from domicile.region.plane import RegionPlane

_REASON: Final = "user-deleted"


async def set_aside(plane: RegionPlane, tx: RegionTx, user: UserId, *, version: int) -> tuple[AccountId, ...]:
    """Make a leaver's places count no more, in one transaction with the question whether any account would be ownerless.

    Gives the accounts that would be: then nothing was changed. Suspended accounts count, because only an owner can restore them.
    Asked again about the same departure, as after a crash, the answer is the same: nobody else could leave those accounts since.
    """
    found = await find_leaving(tx, user)
    if found is not None and found[0] is not LeavingState.STAYED and found[1] >= version:
        return ()
    if blocking := await list_solely_owned(tx, user):
        return blocking
    if await put_leaving(tx, user, LeavingState.LEAVING, version=version, now=plane.clock()):
        await _mark(plane, tx, user, Absence.LEAVING)
    return ()


async def renew(
    plane: RegionPlane, tx: RegionTx, user: UserId, card: MemberCard | None, *, version: int
) -> None:
    """Bring the copies of somebody who is not leaving up to date, and take a departure back that they thought better of.

    `version` is the least that the person's is; the card is None where the directory shows this region none, because they have no
    place here. What a worker read before the person asked to leave changes nothing.
    """
    known = card.version if card else version
    found = await find_leaving(tx, user)
    if found is not None and found[0] is not LeavingState.STAYED:
        if found[0] is LeavingState.GONE or found[1] >= known:
            return
        await put_leaving(tx, user, LeavingState.STAYED, version=known, now=plane.clock())
        await _mark(plane, tx, user, card.absence if card else None)
    renewed = await renew_cards(tx, card) if card else ()
    for account, has_ended_sign_ins in renewed:
        await _log(plane, tx, account, user, revokes=has_ended_sign_ins)
    if card is not None and renewed:
        await _mark(plane, tx, user, card.absence)


async def end_places(
    plane: RegionPlane, tx: RegionTx, user: UserId, *, version: int, gone_at: datetime
) -> None:
    """End every place of somebody who is gone, revoke what they offered and were offered, and erase what tells who they were.

    API keys that they made stay: they are the account's. Authorship keeps the id.
    """
    await put_leaving(tx, user, LeavingState.GONE, version=version, now=plane.clock())
    places = await list_places(tx, user)
    addresses = _addresses(places) | await store.list_addresses_accepted_at(tx, user)
    for place in places:
        if place.state is not MemberState.REMOVED:
            await _end(plane, tx, user, place)
    revoked = await _revoke_invitations(plane, tx, user, addresses, gone_at)
    await store.forget_addressee(tx, user, addresses, until=gone_at)
    for account in sorted({place.account_id for place in places} | revoked):
        await erase_personal(tx, account, user_id=user, emails=addresses)


async def _end(plane: RegionPlane, tx: RegionTx, user: UserId, place: Place) -> None:
    now = plane.clock()
    version = await log_membership_change(plane, tx, place.account_id, user, None)
    await end_place(tx, place.account_id, user, version=version, now=now)
    details = {"userID": user, "formerRoleID": place.role_id, "reason": _REASON}
    await append_audit(tx, by_system(place.account_id, "audit.user_deleted.v1", details, now=now))


async def _revoke_invitations(
    plane: RegionPlane, tx: RegionTx, user: UserId, addresses: frozenset[str], gone_at: datetime
) -> set[AccountId]:
    now = plane.clock()
    revoked = await store.revoke_invitations(tx, by=user, to=addresses, until=gone_at, now=now)
    for account, invitation in revoked:
        details = {"invitationID": invitation, "state": InvitationState.REVOKED, "reason": _REASON}
        await append_audit(tx, by_system(account, "audit.invitation_updated.v1", details, now=now))
    return {account for account, _ in revoked}


def _addresses(places: tuple[Place, ...]) -> frozenset[str]:
    shown = {place.email for place in places if place.email}
    return frozenset(shown | {parse_email_address(email).key for email in shown})


async def _mark(plane: RegionPlane, tx: RegionTx, user: UserId, absence: Absence | None) -> None:
    """Say of every place of a person whether it counts, to all copies and to the history, where that is news."""
    changed = await set_absence(tx, user, absence)
    places = {place.account_id: place for place in await list_places(tx, user)} if changed else {}
    for account in changed:
        seq = await _log(plane, tx, account, user, revokes=absence is not None)
        # Whoever is absent could do then what somebody could who was disabled: nothing.
        state = places[account].state if absence is None else MemberState.DISABLED
        facts = member_facts(places[account].role_id, state)
        now = plane.clock()
        await append_history(tx, account, Remembered.MEMBERSHIP, user, seq=seq, facts=facts, now=now)


async def _log(plane: RegionPlane, tx: RegionTx, account: AccountId, user: UserId, *, revokes: bool) -> int:
    now, bump = plane.clock(), plane.bump_access_log
    return await append_access_log(tx, Changed.MEMBERSHIP, account, user, now=now, bump=bump, revokes=revokes)
