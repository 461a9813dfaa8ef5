"""The access log and all its SQL."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Boolean, Column, Table, Text, delete, func, select, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime
from domicile.kernel.ids import AccountId

access_log_head = Table(
    "access_log_head",
    REGION,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    info=NODE_TABLE,
)

access_log = Table(
    "access_log",
    REGION,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("revokes", Boolean, nullable=False),
    info=NODE_TABLE,
)

_HEAD = "head"
_READ_HEAD = select(access_log_head.c.seq).where(access_log_head.c.name == _HEAD)


class Changed(StrEnum):
    """What a row of the log says has changed."""

    ACCOUNT = "account"
    MEMBERSHIP = "membership"
    API_KEY = "api-key"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class AccessChange:
    """One row: copies of this subject in this account are out of date."""

    seq: int
    kind: Changed
    account_id: AccountId
    subject_id: str


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One row with all that it says."""

    change: AccessChange
    at: datetime
    revokes: bool


async def append_access_log(
    tx: RegionTx,
    kind: Changed,
    account: AccountId,
    subject_id: str,
    *,
    now: datetime,
    bump: Callable[[], None],
    revokes: bool,
) -> int:
    """Log a change; gives its number, which also serves as the version of what changed.

    `revokes` says that what was handed out about the subject before, such as account tokens, no longer tells the truth.
    The counter row stays locked until the commit: numbers become visible in order, and changes to accesses in one region
    happen one after the other. `bump` runs after the commit, before the request is answered.
    """
    step = (
        update(access_log_head).where(access_log_head.c.name == _HEAD).values(seq=access_log_head.c.seq + 1)
    )
    head = (await tx.execute(step.returning(access_log_head.c.seq))).one().seq
    row = {
        "seq": head,
        "kind": kind,
        "account_id": account,
        "subject_id": subject_id,
        "at": now,
        "revokes": revokes,
    }
    await tx.execute(tx.insert(access_log).values(row))
    tx.after_commit(bump)
    return head


async def begin_access_log(tx: RegionTx) -> None:
    """Make the counter row, once in the life of a database."""
    await tx.execute(tx.insert(access_log_head).values(name=_HEAD, seq=0).on_conflict_do_nothing())


async def read_head(tx: RegionTx) -> int:
    """Read the number of the latest change."""
    row = await tx.first(_READ_HEAD)
    return row.seq if row else 0


async def list_changes(tx: RegionTx, *, after: int, at_most: int) -> tuple[AccessChange, ...]:
    """List the changes beyond the number `after`, in order."""
    rows = await tx.all(
        select(access_log.c.seq, access_log.c.kind, access_log.c.account_id, access_log.c.subject_id)
        .where(access_log.c.seq > after)
        .order_by(access_log.c.seq)
        .limit(at_most)
    )
    return tuple(
        AccessChange(row.seq, Changed(row.kind), AccountId(row.account_id), row.subject_id) for row in rows
    )


async def list_rows(tx: RegionTx, *, after: int, at_most: int) -> tuple[LoggedChange, ...]:
    """List the rows beyond the number `after`, in order, with all that they say."""
    query = select(access_log).where(access_log.c.seq > after).order_by(access_log.c.seq).limit(at_most)
    return tuple(
        LoggedChange(
            AccessChange(row.seq, Changed(row.kind), AccountId(row.account_id), row.subject_id),
            row.at,
            revokes=row.revokes,
        )
        for row in await tx.all(query)
    )


async def find_last_before(tx: RegionTx, moment: datetime) -> int:
    """Find the number of the last row that was written before a moment; one less than the first kept where all are younger."""
    query = select(func.max(access_log.c.seq).label("seq")).where(access_log.c.at < moment)
    if (row := await tx.first(query)) is not None and row.seq is not None:
        return int(row.seq)
    first = await tx.first(select(func.min(access_log.c.seq).label("seq")))
    return int(first.seq) - 1 if first is not None and first.seq is not None else await read_head(tx)


async def forget_changes(tx: RegionTx, *, before: datetime) -> int:
    """Delete changes that are older than `before`, all but the latest of all; tells how many.

    Whoever still follows from further back sees from the gap in the numbers that changes are missing.
    """
    old = (access_log.c.at < before) & (access_log.c.seq < await read_head(tx))
    return await tx.count(delete(access_log).where(old))
