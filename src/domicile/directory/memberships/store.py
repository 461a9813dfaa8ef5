"""The membership index and all its SQL."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    and_,
    delete,
    select,
    tuple_,
)

from domicile.directory.accounts.store import accounts
from domicile.infra.databases import DirectoryTx
from domicile.infra.planes import DIRECTORY
from domicile.kernel.ids import AccountId, RegionId, UserId
from domicile.kernel.paging import Page, PageRequest

memberships = Table(
    "directory_memberships",
    DIRECTORY,
    Column("user_id", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Column("region_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("role_id", Text),
    Column("version", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_id"], [accounts.c.account_id]),
    Index("ix_directory_memberships_account_id", "account_id"),
)

JOINING = "joining"
"""State of a place that its region has not confirmed yet, or never will; no account is listed or entered by it."""
_IN_FORCE = ("enabled", "disabled")
_SHOWN = ("active", "suspended")
"""States of accounts that their users see; what is not whole yet, or is being deleted, is to them not there."""


@dataclass(frozen=True, slots=True)
class IndexedMembership:
    """One of a person's accounts as the directory knows it."""

    account_id: AccountId
    region_id: RegionId
    state: str
    """Of the account."""
    alias: str | None
    """None: the region keeps it to itself."""
    role_id: str | None
    """None: the region keeps it to itself."""
    purge_after: datetime | None
    """Of a suspended account: until when it can be restored."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IndexedPlace:
    """One row of the index about a person."""

    account_id: AccountId
    region_id: RegionId
    state: str
    """Of the membership."""
    role_id: str | None
    """None: the region keeps it to itself."""


async def upsert_membership(
    tx: DirectoryTx,
    user: UserId,
    account: AccountId,
    region: RegionId,
    *,
    state: str,
    role: str | None,
    version: int,
) -> bool:
    """Bring the index up to a version of a membership; False if it was there, or further, already."""
    row = tx.insert(memberships).values(
        user_id=user, account_id=account, region_id=region, state=state, role_id=role, version=version
    )
    done = await tx.execute(
        row.on_conflict_do_update(
            index_elements=[memberships.c.user_id, memberships.c.account_id],
            set_={"state": state, "role_id": role, "version": version},
            where=and_(memberships.c.version < version, memberships.c.region_id == region),
        )
    )
    return done.rowcount == 1


async def hold_place(tx: DirectoryTx, user: UserId, account: AccountId, region: RegionId) -> None:
    """Note that somebody is about to join an account, so that a departure of theirs asks this region; seen by nobody else."""
    row = tx.insert(memberships).values(
        user_id=user, account_id=account, region_id=region, state=JOINING, role_id=None, version=0
    )
    await tx.execute(row.on_conflict_do_nothing())


async def list_memberships(tx: DirectoryTx, user: UserId, page: PageRequest) -> Page[IndexedMembership]:
    """List a person's accounts in all regions, in the order of creation; those where they are disabled are left out."""
    mine = (memberships.c.user_id == user) & (memberships.c.state == "enabled") & accounts.c.state.in_(_SHOWN)
    query = (
        select(
            memberships.c.account_id,
            memberships.c.region_id,
            memberships.c.role_id,
            accounts.c.state,
            accounts.c.alias,
            accounts.c.purge_after,
            accounts.c.created_at,
        )
        .join(accounts, memberships.c.account_id == accounts.c.account_id)
        .where(mine)
        .order_by(accounts.c.created_at, accounts.c.account_id)
        .limit(page.limit + 1)
    )
    if page.after is not None:
        moment = datetime.fromisoformat(page.after[0])
        query = query.where(
            tuple_(accounts.c.created_at, accounts.c.account_id) > tuple_(moment, page.after[1])
        )
    found = [
        IndexedMembership(
            AccountId(row.account_id),
            RegionId(row.region_id),
            row.state,
            row.alias,
            row.role_id,
            row.purge_after,
            row.created_at,
        )
        for row in await tx.all(query)
    ]
    shown = tuple(found[: page.limit])
    more = len(found) > page.limit
    return Page(shown, (shown[-1].created_at.isoformat(), shown[-1].account_id) if more else None)


async def list_places_of(tx: DirectoryTx, user: UserId) -> tuple[IndexedPlace, ...]:
    """List everything that the index says of a person, ended memberships too, by account."""
    query = select(memberships).where(memberships.c.user_id == user).order_by(memberships.c.account_id)
    return tuple(
        IndexedPlace(AccountId(row.account_id), RegionId(row.region_id), row.state, row.role_id)
        for row in await tx.all(query)
    )


async def find_region_for(tx: DirectoryTx, user: UserId, account: AccountId) -> RegionId | None:
    """Find the region of one of a person's accounts; None, in the same time, for every other account, there or not."""
    mine = (memberships.c.user_id == user) & (memberships.c.account_id == account)
    row = await tx.first(select(memberships.c.region_id).where(mine, memberships.c.state == "enabled"))
    return RegionId(row.region_id) if row else None


async def list_regions_of(tx: DirectoryTx, user: UserId) -> tuple[RegionId, ...]:
    """List the regions in which a person is a member of any account, whatever its state."""
    mine = (memberships.c.user_id == user) & memberships.c.state.in_(_IN_FORCE)
    rows = await tx.all(
        select(memberships.c.region_id).where(mine).distinct().order_by(memberships.c.region_id)
    )
    return tuple(RegionId(row.region_id) for row in rows)


async def forget_memberships(tx: DirectoryTx, account: AccountId, region: RegionId) -> int:
    """Delete the index of an account that is no more; tells how many rows."""
    mine = (memberships.c.account_id == account) & (memberships.c.region_id == region)
    return await tx.count(delete(memberships).where(mine))
