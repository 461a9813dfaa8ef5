"""The invited person's side of the invitations' table: what is offered to an address, and the answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, update

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, InvitationId, UserId
from domicile.kernel.permissions import MemberState
from domicile.region.invitations.domain import Invitation, InvitationState, Offered
from domicile.region.invitations.store import (
    IS_INVITED,
    OFFERED,
    WITH_INVITERS,
    account_is_active,
    change_one,
    invitations,
    is_open,
    read_offered,
)
from domicile.region.memberships.store import memberships

_joined = memberships.alias("joined")


@dataclass(frozen=True, slots=True)
class Theirs:
    """By what an invitation is somebody's to answer."""

    email_key: str
    address_since: datetime | None
    """What was made by then was offered to somebody else; None: nobody else had the address."""
    token_hash: bytes | None
    """Of the link that must be its present one; None: it was found by the address alone."""


async def find_offered_to(
    tx: RegionTx, account: AccountId, invitation: InvitationId, *, email_key: str
) -> Offered | None:
    """Find an invitation of an address, whatever its state; None for another address, and unless the account can be entered."""
    named = (invitations.c.account_id == account) & (invitations.c.invitation_id == invitation)
    is_theirs = named & (invitations.c.email_key == email_key)
    query = select(*OFFERED).select_from(WITH_INVITERS)
    row = await tx.first(query.where(is_theirs, account_is_active()))
    return read_offered(row) if row else None


async def list_offered_to(
    tx: RegionTx, email_key: str, *, user: UserId, since: datetime | None, now: datetime, at_most: int
) -> tuple[Offered, ...]:
    """List the open invitations to an address in accounts of which `user` is none yet, newest first.

    `since` leaves out what was made by then.
    """
    is_member = exists().where(
        _joined.c.account_id == invitations.c.account_id,
        _joined.c.user_id == user,
        _joined.c.state != MemberState.REMOVED,
    )
    can_be_answered = (invitations.c.email_key == email_key) & IS_INVITED & (invitations.c.expires_at > now)
    query = (
        select(*OFFERED).select_from(WITH_INVITERS).where(can_be_answered, account_is_active(), ~is_member)
    )
    if since is not None:
        query = query.where(invitations.c.created_at > since)
    query = query.order_by(invitations.c.created_at.desc(), invitations.c.invitation_id).limit(at_most)
    return tuple(read_offered(row) for row in await tx.all(query))


async def accept(
    tx: RegionTx,
    account: AccountId,
    invitation: InvitationId,
    theirs: Theirs,
    *,
    user: UserId,
    now: datetime,
) -> Invitation | None:
    """Use an invitation up; None, and nothing changed, unless link, address, state and time are all right.

    One statement: of any number of attempts at once, one finds it open.
    """
    used = {"state": InvitationState.ACCEPTED, "accepted_by": user, "accepted_at": now}
    return await _answer(tx, account, invitation, theirs, now=now, values=used)


async def decline(
    tx: RegionTx, account: AccountId, invitation: InvitationId, theirs: Theirs, *, now: datetime
) -> Invitation | None:
    """End an invitation without using it; None, and nothing changed, under the conditions of `accept`."""
    return await _answer(tx, account, invitation, theirs, now=now, values={"state": InvitationState.DECLINED})


async def _answer(
    tx: RegionTx,
    account: AccountId,
    invitation: InvitationId,
    theirs: Theirs,
    *,
    now: datetime,
    values: Mapping[str, object],
) -> Invitation | None:
    is_theirs = (invitations.c.invitation_id == invitation) & (invitations.c.email_key == theirs.email_key)
    if theirs.address_since is not None:
        is_theirs &= invitations.c.created_at > theirs.address_since
    if theirs.token_hash is not None:
        is_theirs &= invitations.c.token_hash == theirs.token_hash
    change = update(invitations).where(is_open(account, now), is_theirs)
    return await change_one(tx, change.values(**values, modified_at=now, version=invitations.c.version + 1))
