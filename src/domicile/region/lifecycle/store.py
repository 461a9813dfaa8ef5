"""The states of accounts on the way to their end, and all their SQL: each change is one conditional statement."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.permissions import AccountState, MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.region.accounts.domain import Suspension
from domicile.region.accounts.store import accounts
from domicile.region.lifecycle.domain import WARNINGS, Pending
from domicile.region.memberships.store import memberships


async def suspend(
    tx: RegionTx, account: AccountId, suspension: Suspension, *, version: int, warned_days: int
) -> bool:
    """Suspend an account; False, and nothing changed, unless it is active."""
    active = (accounts.c.account_id == account) & (accounts.c.state == AccountState.ACTIVE)
    values = {
        "state": AccountState.SUSPENDED,
        "suspended_at": suspension.since,
        "purge_after": suspension.purge_after,
        "receipt_id": suspension.receipt_id,
        "warned_days": warned_days,
        "modified_at": suspension.since,
    }
    return await tx.count(update(accounts).where(active).values(**values, version=version)) == 1


async def restore(tx: RegionTx, account: AccountId, *, version: int, now: datetime) -> bool:
    """Make a suspended account active again; False, and nothing changed, unless it is suspended and there is still time.

    The purge's claim is the same statement with the opposite condition: of the two one comes true.
    """
    restorable = _is_suspended(account) & (accounts.c.purge_after > now)
    nothing = {"suspended_at": None, "purge_after": None, "receipt_id": None, "warned_days": None}
    change = update(accounts).where(restorable)
    change = change.values(state=AccountState.ACTIVE, modified_at=now, version=version, **nothing)
    return await tx.count(change) == 1


async def claim_for_purge(tx: RegionTx, account: AccountId, *, version: int, now: datetime) -> bool:
    """Close a suspended account for good; False, and nothing changed, unless its time is over."""
    due = _is_suspended(account) & (accounts.c.purge_after <= now)
    change = update(accounts).where(due).values(state=AccountState.PURGING, version=version)
    return await tx.count(change) == 1


async def list_due_for_purge(tx: RegionTx, *, now: datetime, at_most: int) -> tuple[AccountId, ...]:
    """List the suspended accounts whose time is over, those first that have waited longest."""
    due = (accounts.c.state == AccountState.SUSPENDED) & (accounts.c.purge_after <= now)
    query = select(accounts.c.account_id).where(due).order_by(accounts.c.purge_after, accounts.c.account_id)
    return tuple(AccountId(row.account_id) for row in await tx.all(query.limit(at_most)))


async def list_unwarned(tx: RegionTx, *, now: datetime, at_most: int) -> tuple[Pending, ...]:
    """List the suspended accounts with a warning due."""
    marks = [
        and_(accounts.c.warned_days > days, accounts.c.purge_after <= now + timedelta(days=days))
        for days in WARNINGS
    ]
    waiting = (accounts.c.state == AccountState.SUSPENDED) & (accounts.c.purge_after > now) & or_(*marks)
    query = select(
        accounts.c.account_id, accounts.c.purge_after, accounts.c.warned_days, accounts.c.version
    ).where(waiting)
    rows = await tx.all(query.order_by(accounts.c.purge_after, accounts.c.account_id).limit(at_most))
    return tuple(
        Pending(AccountId(row.account_id), row.purge_after, row.warned_days, row.version) for row in rows
    )


async def note_warning(tx: RegionTx, pending: Pending, days: int) -> bool:
    """Remember that a warning is on its way; False if another worker was first, or the account was restored."""
    as_listed = (accounts.c.version == pending.version) & (accounts.c.warned_days == pending.warned_days)
    change = update(accounts).where(_is_suspended(pending.account_id), as_listed)
    return await tx.count(change.values(warned_days=days)) == 1


async def list_owners(tx: RegionTx, account: AccountId) -> tuple[UserId, ...]:
    """List the enabled users of an account with full access."""
    owns = (memberships.c.role_id == FULL_ACCESS) & (memberships.c.state == MemberState.ENABLED)
    is_there = memberships.c.absence.is_(None)
    query = select(memberships.c.user_id).where(memberships.c.account_id == account, owns, is_there)
    return tuple(UserId(row.user_id) for row in await tx.all(query.order_by(memberships.c.user_id)))


def _is_suspended(account: AccountId) -> ColumnElement[bool]:
    return (accounts.c.account_id == account) & (accounts.c.state == AccountState.SUSPENDED)
