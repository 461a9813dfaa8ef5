"""Purges under way, receipts, and the deletion of an account's rows from every table that has any: all the SQL of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, Column, Row, Table, Text, delete, select, tuple_, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId, ReceiptId
from domicile.region.purging.domain import Purge, Receipt, Stage

purges = Table(
    "purges",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("receipt_id", Text, nullable=False),
    Column("suspended_at", UtcTime, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("stage", Text, nullable=False),
    Column("expected", OpaqueJson, nullable=False),
    Column("deleted", OpaqueJson, nullable=False),
    Column("account_version", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    info=NODE_TABLE,
)

deletion_receipts = Table(
    "deletion_receipts",
    REGION,
    Column("receipt_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("signed", Text, nullable=False),
    info=NODE_TABLE,
)


def account_tables() -> Sequence[Table]:
    """List the tables that hold rows of accounts, each before those that its rows refer to.

    Read from the metadata, so that a table which a feature adds is purged without being named here.
    """
    return [table for table in reversed(REGION.sorted_tables) if not table.info.get("node")]


async def delete_rows(tx: RegionTx, table: Table, account: AccountId, *, at_most: int) -> int:
    """Delete some of an account's rows of one table; tells how many."""
    key = list(table.primary_key.columns)
    mine = key[0] == account
    some = select(*key).where(mine).order_by(*key).limit(at_most)
    return await tx.count(delete(table).where(mine, tuple_(*key).in_(some)))


async def insert_purge(tx: RegionTx, purge: Purge) -> None:
    """Write down that a purge has begun."""
    row = {
        "account_id": purge.account_id,
        "receipt_id": purge.receipt_id,
        "suspended_at": purge.suspended_at,
        "begun_at": purge.begun_at,
        "account_version": purge.account_version,
    }
    await tx.execute(tx.insert(purges).values(**row, **_progress(purge)))


async def list_purges(tx: RegionTx, *, at_most: int) -> tuple[Purge, ...]:
    """List the purges under way, oldest first."""
    rows = await tx.all(select(purges).order_by(purges.c.begun_at, purges.c.account_id).limit(at_most))
    return tuple(_purge(row) for row in rows)


async def advance(tx: RegionTx, purge: Purge, **changes: Any) -> Purge | None:
    """Bring a purge one step further; None, and nothing changed, if another worker did so meanwhile."""
    further = replace(purge, **changes, version=purge.version + 1)
    as_known = (purges.c.account_id == purge.account_id) & (purges.c.version == purge.version)
    return further if await tx.count(update(purges).where(as_known).values(_progress(further))) else None


async def strike(tx: RegionTx, purge: Purge) -> None:
    """Strike a purge that has come to its end."""
    await tx.execute(delete(purges).where(purges.c.account_id == purge.account_id))


async def insert_receipt(tx: RegionTx, receipt: Receipt) -> None:
    """Keep a receipt."""
    row = {
        "receipt_id": receipt.id,
        "account_id": receipt.account_id,
        "at": receipt.at,
        "signed": receipt.signed,
    }
    await tx.execute(tx.insert(deletion_receipts).values(row))


async def find_receipt(tx: RegionTx, receipt: ReceiptId) -> Receipt | None:
    """Find a receipt by its id, which nobody can guess."""
    row = await tx.first(select(deletion_receipts).where(deletion_receipts.c.receipt_id == receipt))
    return Receipt(ReceiptId(row.receipt_id), AccountId(row.account_id), row.at, row.signed) if row else None


def _progress(purge: Purge) -> dict[str, object]:
    return {
        "stage": purge.stage,
        "expected": dict(purge.expected),
        "deleted": dict(purge.deleted),
        "version": purge.version,
    }


def _purge(row: Row[tuple[object, ...]]) -> Purge:
    return Purge(
        account_id=AccountId(row.account_id),
        receipt_id=ReceiptId(row.receipt_id),
        suspended_at=row.suspended_at,
        begun_at=row.begun_at,
        stage=Stage(row.stage),
        expected=row.expected,
        deleted=row.deleted,
        account_version=row.account_version,
        version=row.version,
    )
