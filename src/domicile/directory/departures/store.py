"""Departures and all their SQL: the leavers, written by identity alone, and the answer of each region, written by that region."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    select,
    union,
    update,
)

from domicile.directory.accounts.store import accounts
from domicile.directory.memberships.store import memberships
from domicile.infra.databases import DirectoryTx
from domicile.infra.planes import DIRECTORY, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId, RegionId, UserId


class LeaverState(StrEnum):
    """How far somebody has left."""

    LEAVING = "leaving"
    """They have asked to; it can still be taken back."""
    GONE = "gone"
    """For good; the row is the tombstone."""


class RegionAnswer(StrEnum):
    """What a region says to a departure."""

    ASKED = "asked"
    """Nothing yet."""
    READY = "ready"
    """Every account there has another owner; the person's places count no more."""
    BLOCKED = "blocked"
    """Accounts there would be without an owner; nothing was changed."""
    DONE = "done"
    """Every place of the person there has ended."""


leavers = Table(
    "directory_leavers",
    DIRECTORY,
    Column("user_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
)

departures = Table(
    "directory_departures",
    DIRECTORY,
    Column("user_id", Text, primary_key=True),
    Column("region_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("blocking", OpaqueJson, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("ix_directory_departures_at", "at"),
)

# Whoever has left keeps their rows until the last region is done.
_IS_OPEN = exists().where(departures.c.user_id == leavers.c.user_id)
_UNDER_WAY = (
    select(leavers)
    .where((leavers.c.state == LeaverState.LEAVING) | _IS_OPEN)
    .order_by(leavers.c.at, leavers.c.user_id)
    .limit(bindparam("at_most", type_=BigInteger))
)


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who is leaving, or has left."""

    user_id: UserId
    state: LeaverState
    version: int
    """Of the user when they asked: an answer to an earlier departure of theirs carries a lower one."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """Where a departure stands in one region."""

    region_id: RegionId
    state: RegionAnswer
    version: int
    blocking: tuple[AccountId, ...]
    """The accounts of the region that would be left without an owner."""
    at: datetime


@dataclass(frozen=True, slots=True)
class BlockingAccount:
    """An account whose last owner somebody is."""

    id: AccountId
    region_id: RegionId
    alias: str | None
    """None: the region keeps it to itself."""


async def put_leaver(
    tx: DirectoryTx, user: UserId, state: LeaverState, *, version: int, at: datetime
) -> None:
    """Write down that somebody is leaving, or has left."""
    values = {"state": state, "version": version, "at": at}
    row = tx.insert(leavers).values(user_id=user, **values)
    await tx.execute(row.on_conflict_do_update(index_elements=[leavers.c.user_id], set_=values))


async def drop_leaver(tx: DirectoryTx, user: UserId) -> None:
    """Forget that somebody was leaving, because they stay; nobody who is gone comes back."""
    mine = (leavers.c.user_id == user) & (leavers.c.state == LeaverState.LEAVING)
    await tx.execute(delete(leavers).where(mine))


async def find_leaver(tx: DirectoryTx, user: UserId) -> Leaver | None:
    """Find whether somebody is leaving or has left."""
    row = await tx.first(select(leavers).where(leavers.c.user_id == user))
    return Leaver(user, LeaverState(row.state), row.version, row.at) if row else None


async def list_leaving(tx: DirectoryTx, *, at_most: int) -> tuple[Leaver, ...]:
    """List who is leaving, and who has left and is waited for in some region, those who asked first in front."""
    rows = await tx.all(_UNDER_WAY, {"at_most": at_most})
    return tuple(Leaver(UserId(row.user_id), LeaverState(row.state), row.version, row.at) for row in rows)


async def list_regions_to_ask(tx: DirectoryTx, user: UserId) -> tuple[RegionId, ...]:
    """List the regions where somebody may have a place: any in the index, ended or being begun, and where they created accounts.

    An account that is being created is not in the index yet, or only its entry is.
    """
    places = select(memberships.c.region_id).where(memberships.c.user_id == user)
    begun = select(accounts.c.region_id).where(accounts.c.creator_id == user)
    rows = await tx.all(union(places, begun))
    return tuple(sorted(RegionId(row.region_id) for row in rows))


async def put_departures(
    tx: DirectoryTx, user: UserId, regions: Sequence[RegionId], *, version: int, now: datetime
) -> None:
    """Ask regions about a departure, in place of whatever is left of an earlier one."""
    await drop_departures(tx, user)
    for region in regions:
        row: dict[str, object] = {
            "user_id": user,
            "region_id": region,
            "state": RegionAnswer.ASKED,
            "version": version,
            "blocking": [],
            "at": now,
        }
        await tx.execute(tx.insert(departures).values(row))


async def list_departures(tx: DirectoryTx, user: UserId) -> tuple[Departure, ...]:
    """List what each region said to somebody's departure."""
    rows = await tx.all(
        select(departures).where(departures.c.user_id == user).order_by(departures.c.region_id)
    )
    return tuple(
        Departure(
            RegionId(row.region_id),
            RegionAnswer(row.state),
            row.version,
            tuple(AccountId(account) for account in row.blocking),
            row.at,
        )
        for row in rows
    )


async def answer_departure(
    tx: DirectoryTx,
    user: UserId,
    region: RegionId,
    *,
    version: int,
    answer: RegionAnswer,
    blocking: Sequence[AccountId] = (),
) -> bool:
    """Say for one region how a departure stands there; False if it is no longer asked about in this version."""
    mine = (departures.c.user_id == user) & (departures.c.region_id == region)
    asked = mine & (departures.c.version == version)
    change = update(departures).where(asked, departures.c.state == RegionAnswer.ASKED)
    return await tx.count(change.values(state=answer, blocking=list(blocking))) == 1


async def finish_departure(tx: DirectoryTx, user: UserId, region: RegionId) -> None:
    """Say for one region that every place of somebody who is gone has ended there."""
    mine = (departures.c.user_id == user) & (departures.c.region_id == region)
    await tx.execute(update(departures).where(mine).values(state=RegionAnswer.DONE))


async def keep_departures(tx: DirectoryTx, user: UserId, regions: Sequence[RegionId]) -> None:
    """Forget what all but these regions said."""
    mine = departures.c.user_id == user
    await tx.execute(delete(departures).where(mine, departures.c.region_id.not_in(list(regions))))


async def drop_departures(tx: DirectoryTx, user: UserId) -> None:
    """Forget what the regions said."""
    await tx.execute(delete(departures).where(departures.c.user_id == user))


async def forget_departures(tx: DirectoryTx, *, before: datetime) -> int:
    """Forget refused departures of people who stayed, older than `before`; tells how many rows."""
    is_over = ~exists().where(leavers.c.user_id == departures.c.user_id)
    return await tx.count(delete(departures).where(departures.c.at < before, is_over))


async def list_blocking_accounts(tx: DirectoryTx, ids: Sequence[AccountId]) -> tuple[BlockingAccount, ...]:
    """List accounts by id as the directory knows them, oldest first."""
    if not ids:
        return ()
    rows = await tx.all(
        select(accounts.c.account_id, accounts.c.region_id, accounts.c.alias)
        .where(accounts.c.account_id.in_(list(ids)))
        .order_by(accounts.c.created_at, accounts.c.account_id)
    )
    return tuple(
        BlockingAccount(AccountId(row.account_id), RegionId(row.region_id), row.alias) for row in rows
    )
