"""Records of usage, and all their SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Table, Text, select, tuple_

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.usage.domain import ShownRecord, UsageRecord

usage_records = Table(
    "usage_records",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("meter", Text, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index(None, "account_id", "at"),
)


async def insert_records(
    tx: RegionTx, service: str, records: Sequence[UsageRecord], *, now: datetime
) -> frozenset[tuple[AccountId, str]]:
    """Write records down, each once; gives (account, id) of those that were not there before."""
    rows = [
        {
            "account_id": each.account_id,
            "service": service,
            "id": each.id,
            "meter": each.meter,
            "quantity": each.quantity,
            "at": each.at,
            "received_at": now,
        }
        for each in records
    ]
    if not rows:
        return frozenset()
    added = tx.insert(usage_records).on_conflict_do_nothing()
    found = await tx.execute(added.returning(usage_records.c.account_id, usage_records.c.id), rows)
    return frozenset((AccountId(row.account_id), row.id) for row in found)


async def list_records(tx: RegionTx, account: AccountId, page: PageRequest) -> Page[ShownRecord]:
    """List an account's records, the newest first."""
    key = (usage_records.c.at, usage_records.c.service, usage_records.c.id)
    query = select(usage_records).where(usage_records.c.account_id == account)
    if page.after is not None:
        at, service, id_ = page.after
        query = query.where(tuple_(*key) < tuple_(datetime.fromisoformat(at), service, id_))
    rows = await tx.all(query.order_by(*(each.desc() for each in key)).limit(page.limit + 1))
    shown = tuple(
        ShownRecord(row.service, UsageRecord(row.id, account, row.meter, row.quantity, row.at))
        for row in rows[: page.limit]
    )
    last = rows[page.limit - 1] if len(rows) > page.limit else None
    return Page(shown, (last.at.isoformat(), last.service, last.id) if last is not None else None)
