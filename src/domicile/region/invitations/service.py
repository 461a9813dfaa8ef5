"""Use cases about invitations as those who invite have them: made, one by one, listed, changed, sent again, revoked."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from domicile.infra.databases import RegionTx
from domicile.infra.idempotency import RequestKey
from domicile.infra.secrets import new_link_token
from domicile.kernel.callers import Caller
from domicile.kernel.errors import not_found, stale
from domicile.kernel.ids import AccountId, InvitationId, RoleId, new_invitation_id
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import check_not_above
from domicile.kernel.roles import rules_access
from domicile.kernel.versions import Precondition
from domicile.region.audit.domain import by_caller
from domicile.region.audit.store import append_audit
from domicile.region.invitations import store
from domicile.region.invitations.domain import (
    DAY,
    INVITE,
    Delivery,
    Handed,
    Invitation,
    InvitationState,
    NewInvitation,
    Room,
    already_member,
    already_open,
    check_open,
    check_stands,
    make_token,
    sent_too_often,
)
from domicile.region.invitations.offering import judge
from domicile.region.memberships.store import has_member_with_email
from domicile.region.outbox.store import INVITATION_MAIL
from domicile.region.plane import RegionPlane
from domicile.region.roles.service import get_role

_UPDATED = "audit.invitation_updated.v1"


async def invite_member(
    plane: RegionPlane, caller: Caller, new: NewInvitation, request: RequestKey | None
) -> Handed:
    """Offer an address a place in the caller's account; a mail with the link follows, or the link is in the answer, this once.

    `already-member` if the address is a user's (who may invite may also list them), `invitation-open` if it has an unexpired
    invitation, `above-your-role`, `too-many-invitations`; `reauthentication-required` for a role with power over the account;
    `idempotency-key-reused` if the key came with another body.
    A request that is repeated gives the invitation without its link: that is kept by nobody, and another can be asked for.
    """
    caller.require(INVITE)
    account, principal = caller.account_id, caller.principal.id

    async def work(tx: RegionTx) -> Handed:
        earlier = await plane.idempotency.recall(
            tx, request, Invitation, owner_id=account, principal_id=principal
        )
        if earlier is not None:
            return Handed(earlier)
        room = await measure_room(plane, tx, account)
        made = await make_invitation(plane, tx, caller, new, room)
        await plane.idempotency.keep(tx, request, made.invitation, owner_id=account, principal_id=principal)
        return made

    return await plane.database.run_tx(work)


async def measure_room(plane: RegionPlane, tx: RegionTx, account: AccountId) -> Room:
    """Tell how many invitations the account may still make now."""
    made, oldest = await store.count_made_since(tx, account, plane.clock() - DAY)
    return Room(plane.settings.invitations.per_account_per_day, made, oldest)


async def make_invitation(
    plane: RegionPlane, tx: RegionTx, caller: Caller, new: NewInvitation, room: Room
) -> Handed:
    """Make one invitation of a caller who may invite; a refusal, with the codes of `invite_member`, has written nothing."""
    account = caller.account_id
    await _check_offered(plane, tx, caller, new.role_id, field="roleID")
    made = _new_invitation(plane, caller, new)
    await _check_wanted(tx, account, made, room)
    token = _new_token(plane, account, new.delivery)
    if not await store.insert_invitation(tx, account, made, token_hash=_hash(plane, token)):
        raise already_open()
    if token is None:
        await _ask_for_mail(plane, tx, account, made)
    details = {"invitationID": made.id, "email": made.email, "roleID": made.role_id}
    await append_audit(
        tx, by_caller(caller, "audit.invitation_created.v1", details | _handed(made), now=made.created_at)
    )
    return Handed(made, token)


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
        last_sent_at=None if new.delivery is Delivery.MAIL else now,
        sends=1,
        version=1,
        locale=new.locale,
        delivery=new.delivery,
    )


def _new_token(plane: RegionPlane, account: AccountId, delivery: Delivery) -> str | None:
    """Make the token of a link that is handed over; that of a mail is made when the mail is sent."""
    return make_token(plane.id, account, new_link_token()) if delivery is Delivery.LINK else None


def _handed(invitation: Invitation | None) -> dict[str, object]:
    """Tell the audit where a link was handed to somebody; that it was mailed to its address goes without saying."""
    is_handed = invitation is not None and invitation.delivery is Delivery.LINK
    return {"delivery": Delivery.LINK} if is_handed else {}


def _hash(plane: RegionPlane, token: str | None) -> bytes | None:
    return plane.link_hash.of(token) if token is not None else None


def _expiry(plane: RegionPlane, now: datetime) -> datetime:
    return now + timedelta(days=plane.settings.links.invitation_days)


async def _check_wanted(tx: RegionTx, account: AccountId, wanted: Invitation, room: Room) -> None:
    if await has_member_with_email(tx, account, (wanted.email, wanted.email_key)):
        raise already_member()
    # What is there already is told as such, so that a list which is run again tells what is left of it.
    if room.is_full and await store.has_open(tx, account, wanted.email_key, now=wanted.created_at):
        raise already_open()
    room.check(wanted.created_at)


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
    """Offer another role from now on, the link stays good; `invitation-closed` once accepted or revoked, `above-your-role`, `reauthentication-required`."""
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
    plane: RegionPlane,
    caller: Caller,
    invitation: InvitationId,
    delivery: Delivery,
    expected: Precondition,
) -> Handed:
    """End the present link for a fresh one, mailed or handed over, good for the full time again, also when it had expired.

    `above-your-role` and `reauthentication-required`, because sending again is offering again; `invitation-closed` once accepted, declined or revoked, where
    another one took its place, and where whoever made it could not any more; `invitation-sent-too-often`; `already-member`.
    """
    caller.require(INVITE)

    async def work(tx: RegionTx) -> Handed:
        now = plane.clock()
        before = await _check_renewable(plane, tx, caller, invitation, expected)
        token = _new_token(plane, caller.account_id, delivery)
        renewed = await store.renew(
            tx,
            caller.account_id,
            before.id,
            delivery=delivery,
            token_hash=_hash(plane, token),
            expires_at=_expiry(plane, now),
            now=now,
        )
        recorded = await _record_update(tx, caller, renewed, {"sent": True} | _handed(renewed), now)
        if token is None:
            await _ask_for_mail(plane, tx, caller.account_id, recorded)
        return Handed(recorded, token)

    return await plane.database.run_tx(work)


async def _check_renewable(
    plane: RegionPlane, tx: RegionTx, caller: Caller, invitation: InvitationId, expected: Precondition
) -> Invitation:
    before = await _get_open(tx, caller.account_id, invitation, expected)
    offered = await store.find_offered(tx, caller.account_id, invitation)
    if offered is None:
        raise not_found("invitation")
    await _check_offered(plane, tx, caller, before.role_id)
    offer = await judge(plane, tx, offered)
    if offer is None:
        raise not_found("role")
    check_stands(offer)
    if await has_member_with_email(tx, caller.account_id, (before.email, before.email_key)):
        raise already_member()
    most = plane.settings.invitations.sends_per_invitation
    if before.sends >= most:
        raise sent_too_often(most)
    return before


async def revoke_invitation(
    plane: RegionPlane, caller: Caller, invitation: InvitationId, expected: Precondition
) -> None:
    """Take an offer back: its link is dead at once; where it has ended otherwise nothing changes; `invitation-closed` once accepted."""
    caller.require("identity:invitation:delete")

    async def work(tx: RegionTx) -> None:
        now = plane.clock()
        before = await _get(tx, caller.account_id, invitation)
        if before.state in {InvitationState.REVOKED, InvitationState.DECLINED, InvitationState.EXPIRED}:
            return
        expected(before.version)
        check_open(before)
        revoked = await store.revoke(tx, caller.account_id, invitation, now=now)
        await _record_update(tx, caller, revoked, {"state": InvitationState.REVOKED}, now)

    await plane.database.run_tx(work)


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
    if rules_access(offered):
        caller.require_fresh()


async def _record_update(
    tx: RegionTx, caller: Caller, changed: Invitation | None, details: Mapping[str, object], now: datetime
) -> Invitation:
    if changed is None:
        raise stale()
    named: dict[str, object] = {"invitationID": changed.id, "email": changed.email}
    await append_audit(tx, by_caller(caller, _UPDATED, named | dict(details), now=now))
    return changed.as_of(now)
