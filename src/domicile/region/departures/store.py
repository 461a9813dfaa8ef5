"""What is erased of a person who is gone: their invitations, and their traces in the audit."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, or_, select, update

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, InvitationId, UserId
from domicile.region.invitations.domain import InvitationState
from domicile.region.invitations.store import invitations

ERASED = ""
"""What stands where an address of somebody stood who is gone."""


async def revoke_invitations(
    tx: RegionTx, *, by: UserId, to: Collection[str], until: datetime, now: datetime
) -> tuple[tuple[AccountId, InvitationId], ...]:
    """Take back every open offer of any account that a person made, or that was made to their addresses; gives which.

    Only those made `until` a moment: whoever has the address since then may have been invited too.
    """
    theirs = and_(invitations.c.created_by_kind == "user", invitations.c.created_by_id == by)
    wanted = or_(theirs, invitations.c.email_key.in_(sorted(to)))
    is_open = (invitations.c.state == InvitationState.INVITED) & (invitations.c.created_at <= until)
    change = update(invitations).where(is_open, wanted)
    rows = await tx.all(
        change.values(
            state=InvitationState.REVOKED, modified_at=now, version=invitations.c.version + 1, token_hash=None
        ).returning(invitations.c.account_id, invitations.c.invitation_id)
    )
    return tuple((AccountId(row.account_id), InvitationId(row.invitation_id)) for row in rows)


async def list_addresses_accepted_at(tx: RegionTx, user: UserId) -> frozenset[str]:
    """List the addresses at which a person accepted invitations, also one that they have changed since."""
    rows = await tx.all(
        select(invitations.c.email, invitations.c.email_key).where(invitations.c.accepted_by == user)
    )
    return frozenset(address for row in rows for address in row if address)


async def forget_addressee(tx: RegionTx, user: UserId, to: Collection[str], *, until: datetime) -> None:
    """Forget the addresses of a person in the invitations of all accounts, also in those by which they came."""
    to_them = invitations.c.email_key.in_(sorted(to)) & (invitations.c.created_at <= until)
    is_over = invitations.c.state != InvitationState.INVITED
    change = update(invitations).where(is_over, or_(invitations.c.accepted_by == user, to_them))
    await tx.execute(change.values(email=ERASED, email_key=ERASED))
