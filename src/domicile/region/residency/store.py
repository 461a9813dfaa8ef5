"""Counts an account's rows in every table of its region."""

from sqlalchemy import func, select

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION
from domicile.kernel.ids import AccountId


async def count_rows(tx: RegionTx, account: AccountId) -> dict[str, int]:
    """Count the rows of an account, table by table, in the order of the tables' names."""
    counts: dict[str, int] = {}
    for name in sorted(REGION.tables):
        table = REGION.tables[name]
        if not table.info.get("node"):
            key = next(iter(table.primary_key.columns))
            row = await tx.first(select(func.count()).select_from(table).where(key == account))
            counts[name] = int(row[0]) if row else 0
    return counts
