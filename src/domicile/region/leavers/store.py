"""The region's own list of leavers and all its SQL; each row moves forward by versions and never goes."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Table, Text, select

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime
from domicile.kernel.callers import user_leaving
from domicile.kernel.ids import UserId

leavers = Table(
    "leavers",
    REGION,
    Column("user_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    info=NODE_TABLE,
)


class LeavingState(StrEnum):
    """Where somebody who wanted to leave stands, as far as this region knows."""

    LEAVING = "leaving"
    STAYED = "stayed"
    GONE = "gone"


async def put_leaving(
    tx: RegionTx, user: UserId, state: LeavingState, *, version: int, now: datetime
) -> bool:
    """Write down where somebody stands; False if a newer version is known, as when a worker was overtaken by another."""
    values = {"state": state, "version": version, "at": now}
    row = tx.insert(leavers).values(user_id=user, **values)
    put = row.on_conflict_do_update(
        index_elements=[leavers.c.user_id], set_=values, where=leavers.c.version <= version
    )
    return await tx.count(put) == 1


async def find_leaving(tx: RegionTx, user: UserId) -> tuple[LeavingState, int] | None:
    """Find where somebody stands, and in which version of theirs; None for who never wanted to leave."""
    row = await tx.first(select(leavers.c.state, leavers.c.version).where(leavers.c.user_id == user))
    return (LeavingState(row.state), row.version) if row else None


async def require_staying(tx: RegionTx, user: UserId) -> None:
    """Refuse (`user-leaving`) to take in somebody who is leaving or gone, in the transaction that would do so.

    Reading this in the serializable transaction of the joining is what makes the engine refuse one of the two where
    joining and leaving meet.
    """
    found = await find_leaving(tx, user)
    if found is not None and found[0] is not LeavingState.STAYED:
        raise user_leaving()
