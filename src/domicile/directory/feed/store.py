"""The feed and all its SQL: per region one ordered list of ids and versions, numbered in commit order."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Table, Text, bindparam, delete, select

from domicile.infra.databases import DirectoryTx
from domicile.infra.planes import DIRECTORY, UtcTime
from domicile.kernel.ids import RegionId

feed_heads = Table(
    "directory_feed_heads",
    DIRECTORY,
    Column("region_id", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

feed = Table(
    "directory_feed",
    DIRECTORY,
    Column("region_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
)

_BEYOND = (
    select(feed.c.seq, feed.c.kind, feed.c.subject_id, feed.c.version)
    .where(feed.c.region_id == bindparam("region"), feed.c.seq > bindparam("after"))
    .order_by(feed.c.seq)
    .limit(bindparam("at_most", type_=BigInteger))
)

USER_CHANGED = "user-changed"
"""A member card is older than `version` of the user `subject_id`."""
USER_LEAVING = "user-leaving"
"""The user `subject_id` asks to be deleted: the region says whether an account would be left without an owner."""
USER_STAYS = "user-stays"
"""The user `subject_id` is not deleted after all: their places count again."""
USER_DELETED = "user-deleted"
"""The user `subject_id` is gone: their places end."""
USER_KINDS = frozenset({USER_CHANGED, USER_LEAVING, USER_STAYS, USER_DELETED})
"""Each says that the region is behind about a user; what is applied is how that user is now, so that their order does not matter."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One change, for one region."""

    seq: int
    kind: str
    subject_id: str
    version: int


async def append_feed(
    tx: DirectoryTx, region: RegionId, kind: str, *, subject_id: str, version: int, now: datetime
) -> int:
    """Tell one region that something changed; gives the row's number.

    The region's counter row is held until the commit, so that numbers become visible in their order, without gaps.
    """
    counted = tx.insert(feed_heads).values(region_id=region, seq=1)
    counted = counted.on_conflict_do_update(
        index_elements=[feed_heads.c.region_id], set_={"seq": feed_heads.c.seq + 1}
    )
    head = (await tx.execute(counted.returning(feed_heads.c.seq))).one().seq
    row = {
        "region_id": region,
        "seq": head,
        "kind": kind,
        "subject_id": subject_id,
        "version": version,
        "at": now,
    }
    await tx.execute(tx.insert(feed).values(row))
    return head


async def list_feed(tx: DirectoryTx, region: RegionId, *, after: int, at_most: int) -> tuple[FeedRow, ...]:
    """List a region's rows beyond the number `after`, in order."""
    rows = await tx.all(_BEYOND, {"region": region, "after": after, "at_most": at_most})
    return tuple(FeedRow(row.seq, row.kind, row.subject_id, row.version) for row in rows)


async def forget_feed(tx: DirectoryTx, region: RegionId, *, up_to: int) -> int:
    """Delete a region's rows up to a number that it has applied; tells how many. Numbers go on from where they were."""
    applied = (feed.c.region_id == region) & (feed.c.seq <= up_to)
    return await tx.count(delete(feed).where(applied))
