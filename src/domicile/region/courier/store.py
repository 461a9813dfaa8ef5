"""Where the courier stands in the directory's feed, and the rows it had to set aside."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Table, Text, delete, select, update

from domicile.directory.feed.store import FeedRow
from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime

feed_cursor = Table(
    "feed_cursor",
    REGION,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    info=NODE_TABLE,
)

parked_feed = Table(
    "parked_feed",
    REGION,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("parked_at", UtcTime, nullable=False),
    Column("last_error", Text, nullable=False),
    info=NODE_TABLE,
)

_FEED = "feed"


async def begin_feed_cursor(tx: RegionTx) -> None:
    """Make the cursor, once in the life of a database."""
    await tx.execute(tx.insert(feed_cursor).values(name=_FEED, seq=0, attempts=0).on_conflict_do_nothing())


async def read_cursor(tx: RegionTx) -> tuple[int, int]:
    """Read the number of the last row applied, and how often the next one has failed."""
    row = await tx.first(select(feed_cursor.c.seq, feed_cursor.c.attempts).where(feed_cursor.c.name == _FEED))
    return (row.seq, row.attempts) if row else (0, 0)


async def move_cursor(tx: RegionTx, *, before: int, to: int) -> bool:
    """Move the cursor on; False if another worker has moved it meanwhile."""
    mine = (feed_cursor.c.name == _FEED) & (feed_cursor.c.seq == before)
    return await tx.count(update(feed_cursor).where(mine).values(seq=to, attempts=0)) == 1


async def count_failure(tx: RegionTx, *, at: int) -> None:
    """Count a failure of the row after the cursor."""
    mine = (feed_cursor.c.name == _FEED) & (feed_cursor.c.seq == at)
    await tx.execute(update(feed_cursor).where(mine).values(attempts=feed_cursor.c.attempts + 1))


async def park(tx: RegionTx, row: FeedRow, *, error: str, now: datetime) -> None:
    """Set a row of the feed aside."""
    values = {"seq": row.seq, "kind": row.kind, "subject_id": row.subject_id, "version": row.version}
    await tx.execute(
        tx.insert(parked_feed).values(**values, parked_at=now, last_error=error).on_conflict_do_nothing()
    )


async def list_parked(tx: RegionTx, *, at_most: int) -> tuple[FeedRow, ...]:
    """List the rows set aside, oldest first."""
    rows = await tx.all(select(parked_feed).order_by(parked_feed.c.seq).limit(at_most))
    return tuple(FeedRow(row.seq, row.kind, row.subject_id, row.version) for row in rows)


async def unpark(tx: RegionTx, seq: int) -> None:
    """Strike a row that was applied after all."""
    await tx.execute(delete(parked_feed).where(parked_feed.c.seq == seq))
