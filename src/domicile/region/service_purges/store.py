"""Receipts that services owe and have given, and all their SQL."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, Row, Table, Text, select, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime
from domicile.kernel.ids import AccountId, ReceiptId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.service_purges.domain import ServicePurge

service_purges = Table(
    "service_purges",
    REGION,
    Column("receipt_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("acknowledged_at", UtcTime),
    Column("signed", Text, nullable=False),
    Index(None, "service", "account_id", unique=True),
    info=NODE_TABLE,
)


async def ask_services(
    tx: RegionTx, services: Iterable[str], receipt: ReceiptId, account: AccountId, *, now: datetime
) -> None:
    """Write down that services owe a receipt for an account."""
    asked = {"receipt_id": receipt, "account_id": account, "asked_at": now, "signed": ""}
    rows = [{**asked, "service": service} for service in services]
    if rows:
        await tx.execute(tx.insert(service_purges), rows)


async def find_purge(tx: RegionTx, service: str, account: AccountId) -> ServicePurge | None:
    """Find what a service was asked about an account."""
    mine = (service_purges.c.service == service) & (service_purges.c.account_id == account)
    row = await tx.first(select(service_purges).where(mine))
    return _purge(row) if row else None


async def acknowledge(tx: RegionTx, purge: ServicePurge, signed: str, *, now: datetime) -> bool:
    """Write down a service's receipt; False if it has given one already."""
    mine = (
        (service_purges.c.receipt_id == purge.receipt_id)
        & (service_purges.c.service == purge.service)
        & service_purges.c.acknowledged_at.is_(None)
    )
    return await tx.count(update(service_purges).where(mine).values(acknowledged_at=now, signed=signed)) == 1


async def list_owed_by(tx: RegionTx, service: str, page: PageRequest) -> Page[ServicePurge]:
    """List the accounts for which a service still owes a receipt, by their ids."""
    query = select(service_purges).where(
        service_purges.c.service == service, service_purges.c.acknowledged_at.is_(None)
    )
    if page.after is not None:
        query = query.where(service_purges.c.account_id > page.after[0])
    rows = await tx.all(query.order_by(service_purges.c.account_id).limit(page.limit + 1))
    shown = tuple(_purge(row) for row in rows[: page.limit])
    return Page(shown, (shown[-1].account_id,) if len(rows) > page.limit else None)


async def list_of_receipt(tx: RegionTx, receipt: ReceiptId) -> tuple[ServicePurge, ...]:
    """List what all services were asked about the account of a deletion receipt, by their names."""
    mine = select(service_purges).where(service_purges.c.receipt_id == receipt)
    return tuple(_purge(row) for row in await tx.all(mine.order_by(service_purges.c.service)))


async def list_owed(tx: RegionTx, *, at_most: int) -> tuple[ServicePurge, ...]:
    """List the receipts that services owe, the oldest first, for the operator."""
    owed = select(service_purges).where(service_purges.c.acknowledged_at.is_(None))
    rows = await tx.all(owed.order_by(service_purges.c.asked_at, service_purges.c.service).limit(at_most))
    return tuple(_purge(row) for row in rows)


def _purge(row: Row[Any]) -> ServicePurge:
    return ServicePurge(
        receipt_id=ReceiptId(row.receipt_id),
        service=row.service,
        account_id=AccountId(row.account_id),
        asked_at=row.asked_at,
        acknowledged_at=row.acknowledged_at,
        signed=row.signed,
    )
