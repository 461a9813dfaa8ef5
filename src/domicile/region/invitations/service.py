"""Use cases about invitations: made and looked after by members, previewed by who holds the link, accepted by the person invited."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domicile.directory.departures.store import find_leaver
from domicile.directory.memberships.store import hold_place
from domicile.infra.databases import DirectoryTx, RegionTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.idempotency import RequestKey
from domicile.kernel.callers import Caller, Person, user_leaving
from domicile.kernel.errors import not_found, stale
from domicile.kernel.ids import AccountId, ApiKeyId, InvitationId, RoleId, UserId, new_invitation_id
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import MemberState, check_not_above
from domicile.kernel.urn import Principal
from domicile.kernel.versions import Precondition
from domicile.region.accounts.store import find_account
from domicile.region.api_keys.store import find_key
from domicile.region.audit.domain import by_caller, by_person
from domicile.region.audit.store import append_audit
from domicile.region.history.domain import member_facts
from domicile.region.invitations import store
from domicile.region.invitations.domain import (
    INVITE,
    MOST_PER_DAY,
    MOST_SENDS,
    Invitation,
    InvitationLink,
    InvitationState,
    Joined,
    NewInvitation,
    Offer,
    already_member,
    already_open,
    check_acceptable,
    check_addressee,
    check_open,
    check_stands,
    could_offer,
    link_invalid,
    link_used,
    sent_too_often,
    too_many,
)
from domicile.region.leavers.store import require_staying
from domicile.region.memberships.service import log_membership_change
from domicile.region.memberships.store import find_member, has_member_with_email, insert_member
from domicile.region.outbox.store import INVITATION_MAIL
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import find_role, get_role

_DAY = timedelta(hours=24)
_UPDATED = "audit.invitation_updated.v1"


async def invite_member(
    plane: RegionPlane, caller: Caller, new: NewInvitation, request: RequestKey | None
) -> Invitation:
    """Offer an address a place in the caller's account; the mail with the link follows.

    `already-member` if the address is a user's (who may invite may also list them), `invitation-open` if it has an unexpired
    invitation, `above-your-role`, `too-many-invitations`; `idempotency-key-reused` if the key came with another body.
    """
    caller.require(INVITE)
    account, principal = caller.account_id, caller.principal.id

    async def work(tx: RegionTx) -> Invitation:
        await _check_offered(plane, tx, caller, new.role_id, field="roleID")
        earlier = await plane.idempotency.recall(
            tx, request, Invitation, owner_id=account, principal_id=principal
        )
        if earlier is not None:
            return earlier
        made = _new_invitation(plane, caller, new)
        await _check_room(tx, account, made)
        if not await store.insert_invitation(tx, account, made):
            raise already_open()
        await _ask_for_mail(plane, tx, account, made)
        details = {"invitationID": made.id, "email": made.email, "roleID": made.role_id}
        await append_audit(tx, by_caller(caller, "audit.invitation_created.v1", details, now=made.created_at))
        await plane.idempotency.keep(tx, request, made, owner_id=account, principal_id=principal)
        return made

    return await plane.database.run_tx(work)


def _new_invitation(plane: RegionPlane, caller: Caller, new: NewInvitation) -> Invitation:
    now = plane.clock()
    return Invitation(
        id=new_invitation_id(),
        email=new.email,
        email_key=new.email_key,
        role_id=new.role_id,
        state=InvitationState.INVITED,
        created_at=now,
        created_by=caller.principal,
        modified_at=now,
        expires_at=_expiry(plane, now),
        last_sent_at=None,
        sends=1,
        version=1,
    )


def _expiry(plane: RegionPlane, now: datetime) -> datetime:
    return now + timedelta(days=plane.settings.links.invitation_days)


async def _check_room(tx: RegionTx, account: AccountId, wanted: Invitation) -> None:
    if await has_member_with_email(tx, account, (wanted.email, wanted.email_key)):
        raise already_member()
    count, oldest = await store.count_made_since(tx, account, wanted.created_at - _DAY)
    if count >= MOST_PER_DAY and oldest is not None:
        raise too_many(int((oldest + _DAY - wanted.created_at).total_seconds()) + 1)


async def _ask_for_mail(plane: RegionPlane, tx: RegionTx, account: AccountId, invitation: Invitation) -> None:
    await plane.outbox.append(
        tx, INVITATION_MAIL, owner_id=account, subject_id=invitation.id, version=invitation.sends
    )


async def list_invitations(
    plane: RegionPlane, caller: Caller, page: PageRequest, *, state: InvitationState | None
) -> Page[Invitation]:
    """List the invitations of the caller's account, in the order in which they were made."""
    caller.require("identity:invitation:read")
    now = plane.clock()
    return await plane.database.read(
        lambda tx: store.list_invitations(tx, caller.account_id, page, state=state, now=now)
    )


async def get_invitation(plane: RegionPlane, caller: Caller, invitation: InvitationId) -> Invitation:
    """Describe an invitation of the caller's account."""
    caller.require("identity:invitation:read")
    found = await plane.database.read(lambda tx: _get(tx, caller.account_id, invitation))
    return found.as_of(plane.clock())


async def change_offered_role(
    plane: RegionPlane, caller: Caller, invitation: InvitationId, role: RoleId | None, expected: Precondition
) -> Invitation:
    """Offer another role from now on, the link stays good; `invitation-closed` once accepted or revoked, `above-your-role`."""
    caller.require(INVITE)

    async def work(tx: RegionTx) -> Invitation:
        now = plane.clock()
        if role is not None:
            await _check_offered(plane, tx, caller, role, field="roleID")
        before = await _get_open(tx, caller.account_id, invitation, expected)
        if role is None or role == before.role_id:
            return before.as_of(now)
        changed = await store.update_role(tx, caller.account_id, invitation, role, now=now)
        details = {"roleID": role, "formerRoleID": before.role_id}
        return await _record_update(tx, caller, changed, details, now)

    return await plane.database.run_tx(work)


async def resend_invitation(
    plane: RegionPlane, caller: Caller, invitation: InvitationId, expected: Precondition
) -> Invitation:
    """End the present link and have a mail sent with a fresh one, good for the full time again, also when it had expired.

    `above-your-role`, because sending again is offering again; `invitation-closed` once accepted or revoked, and
    where whoever made it could not any more; `invitation-sent-too-often`.
    """
    caller.require(INVITE)

    async def work(tx: RegionTx) -> Invitation:
        now = plane.clock()
        before = await _get_open(tx, caller.account_id, invitation, expected)
        await _check_offered(plane, tx, caller, before.role_id)
        check_stands(await _offer(plane, tx, caller.account_id, before))
        if before.sends >= MOST_SENDS:
            raise sent_too_often()
        renewed = await store.renew(
            tx, caller.account_id, invitation, expires_at=_expiry(plane, now), now=now
        )
        recorded = await _record_update(tx, caller, renewed, {"sent": True}, now)
        await _ask_for_mail(plane, tx, caller.account_id, recorded)
        return recorded

    return await plane.database.run_tx(work)


async def revoke_invitation(
    plane: RegionPlane, caller: Caller, invitation: InvitationId, expected: Precondition
) -> None:
    """Take an offer back: its link is dead at once; doing it again changes nothing; `invitation-closed` once accepted."""
    caller.require("identity:invitation:delete")

    async def work(tx: RegionTx) -> None:
        now = plane.clock()
        before = await _get(tx, caller.account_id, invitation)
        if before.state in {InvitationState.REVOKED, InvitationState.EXPIRED}:
            return
        expected(before.version)
        check_open(before)
        revoked = await store.revoke(tx, caller.account_id, invitation, now=now)
        await _record_update(tx, caller, revoked, {"state": InvitationState.REVOKED}, now)

    await plane.database.run_tx(work)


async def preview_invitation(plane: RegionPlane, link: InvitationLink) -> Offer:
    """Show what a link offers to whoever holds it, using nothing up; codes as for accepting."""
    offer = await plane.database.read(lambda tx: _get_offer(plane, tx, link))
    check_acceptable(offer)
    return offer


async def accept_invitation(plane: RegionPlane, person: Person, link: InvitationLink) -> Joined:
    """Make the invited person a user of the account, once.

    Whatever is wrong with the link is `invitation-invalid`; `invitation-used`, `invitation-for-another-address` and `already-member`
    are told only to who holds a true link; `user-leaving` to who asked to be deleted. Whoever is a user already leaves the invitation as it was.
    """
    email_key = parse_email_address(person.email).key
    await _hold_place(plane, person, link, email_key)

    async def work(tx: RegionTx) -> Joined:
        # Read first, so that links that lead nowhere do not wait for the access log; what decides is `consume`.
        offer = await _get_offer(plane, tx, link)
        check_acceptable(offer)
        check_addressee(offer, email_key)
        await require_staying(tx, person.user_id)
        now = plane.clock()
        version = await log_membership_change(
            plane,
            tx,
            link.account_id,
            person.user_id,
            member_facts(offer.invitation.role_id, MemberState.ENABLED),
        )
        used = await store.consume(
            tx,
            link.account_id,
            token_hash=_hash(plane, link),
            email_key=email_key,
            user=person.user_id,
            now=now,
        )
        if used is None:
            raise link_used()
        if not await insert_member(
            tx, link.account_id, person.card(), role=used.role_id, version=version, now=now
        ):
            raise already_member()
        await _record_joining(tx, person, link.account_id, used, now)
        return Joined(link.account_id, offer.alias, used.role_id)

    joined = await plane.database.run_tx(work)
    await plane.index_now(joined.account_id)
    return joined


async def _hold_place(plane: RegionPlane, person: Person, link: InvitationLink, email_key: str) -> None:
    """Let the directory know that the person may be about to join, so that a departure of theirs, begun meanwhile, asks this region.

    `user-leaving` for who has asked to be deleted. Links that lead nowhere leave no trace there.
    """
    offer = await plane.database.read(lambda tx: _get_offer(plane, tx, link))
    check_acceptable(offer)
    check_addressee(offer, email_key)

    async def hold(tx: DirectoryTx) -> None:
        if await find_leaver(tx, person.user_id) is not None:
            raise user_leaving()
        await hold_place(tx, person.user_id, link.account_id, plane.id)

    await plane.directory.run_tx(hold)


async def _record_joining(
    tx: RegionTx, person: Person, account: AccountId, used: Invitation, now: datetime
) -> None:
    accepted = {"invitationID": used.id, "email": used.email, "state": InvitationState.ACCEPTED}
    joined = {"userID": person.user_id, "roleID": used.role_id, "invitationID": used.id}
    await append_audit(tx, by_person(person, account, _UPDATED, accepted, now=now))
    await append_audit(tx, by_person(person, account, "audit.user_joined.v1", joined, now=now))


async def give_link(
    plane: RegionPlane, account: AccountId, invitation: InvitationId, *, sends: int, token: str
) -> Offer | None:
    """Make `token` the one link of an open invitation, keeping its hash alone; gives what the mail says.

    None, and nothing to send, if it no longer stands open, or if its mail was asked for again after the `sends`-th time.
    """

    async def work(tx: RegionTx) -> Offer | None:
        token_hash = plane.link_hash.of(token)
        linked = await store.set_link(
            tx, account, invitation, token_hash=token_hash, sends=sends, now=plane.clock()
        )
        if linked is None:
            return None
        offer = await _offer(plane, tx, account, linked)
        return offer if offer.stands else None

    return await plane.database.run_tx(work)


async def _get_offer(plane: RegionPlane, tx: RegionTx, link: InvitationLink) -> Offer:
    found = await store.find_by_token(tx, link.account_id, _hash(plane, link))
    if found is None:
        raise link_invalid()
    return await _offer(plane, tx, link.account_id, found.as_of(plane.clock()))


def _hash(plane: RegionPlane, link: InvitationLink) -> bytes:
    return plane.link_hash.of(link.token)


async def _offer(plane: RegionPlane, tx: RegionTx, account_id: AccountId, invitation: Invitation) -> Offer:
    if (account := await find_account(tx, account_id)) is None:
        raise link_invalid()
    name, held = await _find_inviter(tx, account_id, invitation.created_by)
    offered = await find_role(tx, plane.catalogue, account_id, invitation.role_id)
    holds = await find_role(tx, plane.catalogue, account_id, held) if held else None
    if offered is None:
        raise link_invalid()
    stands = holds is not None and could_offer(holds.role, offered.role)
    return Offer(invitation, account.alias, account.locale, name or account.alias, offered.role, stands)


async def _find_inviter(tx: RegionTx, account: AccountId, by: Principal) -> tuple[str | None, RoleId | None]:
    """Find the name by which an invited person may know who invited them, and the role that they hold now, if any.

    A key that expired by plan leaves its offers standing; one that was locked or deleted does not.
    """
    if by.kind == "user":
        member = await find_member(tx, account, UserId(by.id))
        if member is None:
            return None, None
        return member.name, member.role_id if member.state is MemberState.ENABLED else None
    key = await find_key(tx, account, ApiKeyId(by.id))
    return None, key.role_id if key is not None and key.is_enabled else None


async def _get(tx: RegionTx, account: AccountId, invitation: InvitationId) -> Invitation:
    if (found := await store.find_invitation(tx, account, invitation)) is None:
        raise not_found("invitation")
    return found


async def _get_open(
    tx: RegionTx, account: AccountId, invitation: InvitationId, expected: Precondition
) -> Invitation:
    found = await _get(tx, account, invitation)
    expected(found.version)
    check_open(found)
    return found


async def _check_offered(
    plane: RegionPlane, tx: RegionTx, caller: Caller, role: RoleId, *, field: str | None = None
) -> None:
    offered = await get_role(tx, plane.catalogue, caller.account_id, role, field=field)
    check_not_above(offered, caller.role)


async def _record_update(
    tx: RegionTx, caller: Caller, changed: Invitation | None, details: Mapping[str, object], now: datetime
) -> Invitation:
    if changed is None:
        raise stale()
    named: dict[str, object] = {"invitationID": changed.id, "email": changed.email}
    await append_audit(tx, by_caller(caller, _UPDATED, named | dict(details), now=now))
    return changed.as_of(now)
