"""Use cases of the invited person: looking at an offer, accepting it, declining it, by its link or out of the list of one's own."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domicile.directory.departures.store import find_leaver
from domicile.directory.memberships.store import hold_place
from domicile.infra.databases import DirectoryTx, RegionTx
from domicile.infra.email_address import parse_email_address
from domicile.kernel.callers import Person, user_leaving
from domicile.kernel.errors import not_found
from domicile.kernel.ids import AccountId
from domicile.kernel.permissions import MemberState
from domicile.region.audit.domain import by_person
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import member_facts
from domicile.region.invitations.domain import (
    Invitation,
    InvitationLink,
    InvitationState,
    Offer,
    Offered,
    Reference,
    already_member,
    check_acceptable,
    check_addressee,
    link_invalid,
    link_used,
)
from domicile.region.invitations.offering import judge
from domicile.region.invitations.store import find_offered_by_token
from domicile.region.leavers.store import require_staying
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import insert_member
from domicile.region.plane import RegionPlane
from domicile.region.receiving import store
from domicile.region.receiving.domain import Joined

MOST_SHOWN: Final = 100
"""Open invitations of one region that a person is shown at once, the newest; older ones follow when these are answered."""
_UPDATED = "audit.invitation_updated.v1"


@dataclass(frozen=True, slots=True)
class _Found:
    """An offer that may be answered, and by what it is the person's."""

    offer: Offer
    theirs: store.Theirs


async def preview_invitation(plane: RegionPlane, link: InvitationLink) -> Offer:
    """Show what a link offers to whoever holds it, using nothing up; codes as for accepting."""
    offer = await plane.database.read(lambda tx: _get_linked(plane, tx, link))
    check_acceptable(offer)
    return offer


async def list_my_invitations(plane: RegionPlane, person: Person) -> tuple[Offer, ...]:
    """List the offers of this region that a person can accept now, newest first, at most `MOST_SHOWN`.

    Those of whoever may no longer make them, of suspended accounts, and of accounts that the person is in, are left out.
    """
    email_key = parse_email_address(person.email).key

    async def read(tx: RegionTx) -> tuple[Offer, ...]:
        offered = await store.list_offered_to(
            tx,
            email_key,
            user=person.user_id,
            since=person.address_since,
            now=plane.clock(),
            at_most=MOST_SHOWN,
        )
        offers = [await judge(plane, tx, each) for each in offered]
        return tuple(offer for offer in offers if offer is not None and offer.stands)

    return await plane.database.read(read)


async def accept_invitation(plane: RegionPlane, person: Person, way: InvitationLink | Reference) -> Joined:
    """Make the invited person a user of the account, once.

    Whatever is wrong with a link is `invitation-invalid`, and a reference to what is not theirs is `not-found`; `invitation-used`,
    `invitation-for-another-address` and `already-member` are told only to who holds a true link or the address itself;
    `user-leaving` to who has asked to be deleted.
    Whoever is a user already leaves the invitation as it was.
    """
    await _hold_place(plane, person, way)

    async def work(tx: RegionTx) -> Joined:
        # Read first, so that links that lead nowhere do not wait for the access log; what decides is `store.accept`.
        found = await _find(plane, tx, person, way)
        await require_staying(tx, person.user_id)
        offer, now = found.offer, plane.clock()
        became = member_facts(offer.invitation.role_id, MemberState.ENABLED)
        version = await log_membership_change(plane, tx, offer.account_id, person.user_id, became)
        used = await store.accept(
            tx, offer.account_id, offer.invitation.id, found.theirs, user=person.user_id, now=now
        )
        if used is None:
            raise link_used()
        if not await insert_member(
            tx, offer.account_id, person.card(), role=used.role_id, version=version, now=now
        ):
            raise already_member()
        await _record_joining(tx, person, offer.account_id, used, now)
        return Joined(offer.account_id, offer.alias, used.role_id)

    joined = await plane.database.run_tx(work)
    await plane.index_now(joined.account_id)
    return joined


async def _hold_place(plane: RegionPlane, person: Person, way: InvitationLink | Reference) -> None:
    """Let the directory know that the person may be about to join, so that a departure of theirs, begun meanwhile, asks this region.

    `user-leaving` for who has asked to be deleted. What leads nowhere leaves no trace there.
    """
    found = await plane.database.read(lambda tx: _find(plane, tx, person, way))

    async def hold(tx: DirectoryTx) -> None:
        if await find_leaver(tx, person.user_id) is not None:
            raise user_leaving()
        await hold_place(tx, person.user_id, found.offer.account_id, plane.id)

    await plane.directory.run_tx(hold)


async def decline_invitation(plane: RegionPlane, person: Person, way: InvitationLink | Reference) -> None:
    """End an offer that the person does not want; whoever made it sees so. Codes as for accepting."""

    async def work(tx: RegionTx) -> None:
        found = await _find(plane, tx, person, way)
        offer, now = found.offer, plane.clock()
        declined = await store.decline(tx, offer.account_id, offer.invitation.id, found.theirs, now=now)
        if declined is None:
            raise link_used()
        details = _told(declined, InvitationState.DECLINED)
        await append_audit(tx, by_person(person, offer.account_id, _UPDATED, details, now=now))

    await plane.database.run_tx(work)


async def _find(plane: RegionPlane, tx: RegionTx, person: Person, way: InvitationLink | Reference) -> _Found:
    email_key, since = parse_email_address(person.email).key, person.address_since
    match way:
        case InvitationLink():
            offer = await _get_linked(plane, tx, way)
            check_acceptable(offer)
            check_addressee(offer, email_key, since)
            return _Found(offer, store.Theirs(email_key, since, _hash(plane, way)))
        case Reference():
            # Neither of these says whether there is such an invitation to somebody else.
            offered = await store.find_offered_to(tx, way.account_id, way.invitation_id, email_key=email_key)
            if offered is None or (since is not None and offered.invitation.created_at <= since):
                raise not_found("invitation")
            if (offer := await _judge_now(plane, tx, offered)) is None:
                raise not_found("invitation")
            check_acceptable(offer)
            return _Found(offer, store.Theirs(email_key, since, None))


async def _get_linked(plane: RegionPlane, tx: RegionTx, link: InvitationLink) -> Offer:
    offered = await find_offered_by_token(tx, link.account_id, _hash(plane, link))
    offer = await _judge_now(plane, tx, offered) if offered is not None else None
    if offer is None:
        raise link_invalid()
    return offer


async def _judge_now(plane: RegionPlane, tx: RegionTx, offered: Offered) -> Offer | None:
    offer = await judge(plane, tx, offered)
    return replace(offer, invitation=offer.invitation.as_of(plane.clock())) if offer is not None else None


def _hash(plane: RegionPlane, link: InvitationLink) -> bytes:
    return plane.link_hash.of(link.token)


async def _record_joining(
    tx: RegionTx, person: Person, account: AccountId, used: Invitation, now: datetime
) -> None:
    accepted = _told(used, InvitationState.ACCEPTED)
    joined = {"userID": person.user_id, "roleID": used.role_id, "invitationID": used.id}
    await append_audit(tx, by_person(person, account, _UPDATED, accepted, now=now))
    await append_audit(tx, by_person(person, account, "audit.user_joined.v1", joined, now=now))


def _told(answered: Invitation, state: InvitationState) -> dict[str, object]:
    return {"invitationID": answered.id, "email": answered.email, "state": state}
