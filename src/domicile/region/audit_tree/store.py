"""The trees over audit events and all their SQL: places, tiles of leaf hashes, checkpoints."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Row, Table, Text, delete, func, select, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.audit_tree.domain import Checkpoint, Tile, TreeState, parted

audit_trees = Table(
    "audit_trees",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("tiled_size", BigInteger, nullable=False),
    Column("pruned_size", BigInteger, nullable=False),
    Column("checkpoint_size", BigInteger, nullable=False),
    Column("oldest_at", UtcTime, nullable=True),
    Index("ix_audit_trees_oldest_at", "oldest_at"),
)
audit_tiles = Table(
    "audit_tiles",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=True),
)
audit_checkpoints = Table(
    "audit_checkpoints",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("signed", Text, nullable=False),
)


async def take_place(tx: RegionTx, account: AccountId, *, now: datetime) -> int:
    """Give the next place in an account's tree, from 0.

    The account's row stays locked until the commit: places are taken in the order of the commits, and without gaps.
    """
    taken = tx.insert(audit_trees).values(
        account_id=account, size=1, tiled_size=0, pruned_size=0, checkpoint_size=0, oldest_at=now
    )
    oldest = func.coalesce(audit_trees.c.oldest_at, taken.excluded.oldest_at)
    taken = taken.on_conflict_do_update(
        index_elements=[audit_trees.c.account_id],
        set_={"size": audit_trees.c.size + 1, "oldest_at": oldest},
    )
    return (await tx.execute(taken.returning(audit_trees.c.size))).one().size - 1


async def has_tree(tx: RegionTx, account: AccountId) -> bool:
    """Tell whether anything has ever been recorded of an account, and it is still here."""
    return await tx.first(select(audit_trees.c.size).where(audit_trees.c.account_id == account)) is not None


async def read_tree(tx: RegionTx, account: AccountId) -> TreeState:
    """Read how far an account's tree has come."""
    trees = audit_trees.c
    query = select(trees.size, trees.tiled_size, trees.pruned_size, trees.checkpoint_size)
    row = await tx.first(query.where(trees.account_id == account))
    if row is None:
        return TreeState(0, 0, 0, 0)
    return TreeState(row.size, row.tiled_size, row.pruned_size, row.checkpoint_size)


async def list_grown(tx: RegionTx, *, after: AccountId | None, at_most: int) -> tuple[AccountId, ...]:
    """List accounts whose trees have grown since their latest checkpoint, by their ids."""
    trees = audit_trees.c
    query = select(trees.account_id).where(trees.size > trees.checkpoint_size)
    if after is not None:
        query = query.where(trees.account_id > after)
    rows = await tx.all(query.order_by(trees.account_id).limit(at_most))
    return tuple(AccountId(row.account_id) for row in rows)


async def list_aged(tx: RegionTx, *, before: datetime, at_most: int) -> tuple[AccountId, ...]:
    """List accounts with events that are older than `before`."""
    query = select(audit_trees.c.account_id).where(audit_trees.c.oldest_at < before)
    return tuple(AccountId(row.account_id) for row in await tx.all(query.limit(at_most)))


async def write_tiles(tx: RegionTx, account: AccountId, tiles: Iterable[Tile], *, tiled_size: int) -> None:
    """Write tiles, over the shorter ones that are there; from now on so many leaf hashes are in tiles."""
    for tile in tiles:
        row = tx.insert(audit_tiles).values(
            account_id=account, number=tile.number, hashes=b"".join(tile.hashes), root=tile.root
        )
        row = row.on_conflict_do_update(
            index_elements=[audit_tiles.c.account_id, audit_tiles.c.number],
            set_={"hashes": row.excluded.hashes, "root": row.excluded.root},
        )
        await tx.execute(row)
    await _set(tx, account, tiled_size=tiled_size)


async def note_pruned(
    tx: RegionTx, account: AccountId, *, pruned_size: int, oldest_at: datetime | None
) -> None:
    """Note how many events have been deleted, and when the first one left was written."""
    await _set(tx, account, pruned_size=pruned_size, oldest_at=oldest_at)


async def note_looked_at(tx: RegionTx, account: AccountId, *, now: datetime) -> None:
    """Put off deleting events of an account, as if its oldest were of now."""
    await _set(tx, account, oldest_at=now)


async def _set(tx: RegionTx, account: AccountId, **values: object) -> None:
    await tx.execute(update(audit_trees).where(audit_trees.c.account_id == account).values(values))


async def read_tile(tx: RegionTx, account: AccountId, number: int) -> tuple[bytes, ...]:
    """Read the leaf hashes of a tile; those of its events that are in no tile yet are missing at the end."""
    mine = (audit_tiles.c.account_id == account) & (audit_tiles.c.number == number)
    row = await tx.first(select(audit_tiles.c.hashes).where(mine))
    return parted(row.hashes) if row else ()


async def read_roots(tx: RegionTx, account: AccountId, *, count: int) -> tuple[bytes, ...]:
    """Read the hashes over the first whole tiles."""
    mine = (audit_tiles.c.account_id == account) & (audit_tiles.c.number < count)
    rows = await tx.all(select(audit_tiles.c.root).where(mine).order_by(audit_tiles.c.number))
    return tuple(row.root for row in rows)


async def insert_checkpoint(tx: RegionTx, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint; one of the same size that is there already stays as it was signed."""
    row = tx.insert(audit_checkpoints).values(
        account_id=checkpoint.account_id,
        size=checkpoint.size,
        root=checkpoint.root,
        at=checkpoint.at,
        signed=checkpoint.signed,
    )
    await tx.execute(row.on_conflict_do_nothing())
    await _set(tx, checkpoint.account_id, checkpoint_size=checkpoint.size)


async def delete_checkpoint(tx: RegionTx, account: AccountId, size: int) -> None:
    """Delete the checkpoint of a size, so that it can be signed anew."""
    mine = (audit_checkpoints.c.account_id == account) & (audit_checkpoints.c.size == size)
    await tx.execute(delete(audit_checkpoints).where(mine))


async def find_checkpoint(tx: RegionTx, account: AccountId, size: int) -> Checkpoint | None:
    """Find the checkpoint of a size."""
    mine = (audit_checkpoints.c.account_id == account) & (audit_checkpoints.c.size == size)
    row = await tx.first(select(audit_checkpoints).where(mine))
    return _checkpoint(row) if row else None


async def list_checkpoints(tx: RegionTx, account: AccountId, page: PageRequest) -> Page[Checkpoint]:
    """List an account's checkpoints, the latest first."""
    query = select(audit_checkpoints).where(audit_checkpoints.c.account_id == account)
    if page.after is not None:
        query = query.where(audit_checkpoints.c.size < int(page.after[0]))
    rows = await tx.all(query.order_by(audit_checkpoints.c.size.desc()).limit(page.limit + 1))
    shown = tuple(_checkpoint(row) for row in rows[: page.limit])
    return Page(shown, (str(shown[-1].size),) if len(rows) > page.limit else None)


async def forget_checkpoints(tx: RegionTx, account: AccountId, *, before: datetime) -> int:
    """Delete the checkpoints that are older than `before`, all but the latest; tells how many."""
    latest = (await read_tree(tx, account)).checkpoint_size
    checkpoints = audit_checkpoints.c
    old = (checkpoints.account_id == account) & (checkpoints.at < before) & (checkpoints.size < latest)
    return await tx.count(delete(audit_checkpoints).where(old))


def _checkpoint(row: Row[tuple[object, ...]]) -> Checkpoint:
    return Checkpoint(AccountId(row.account_id), row.size, row.root, row.at, row.signed)
