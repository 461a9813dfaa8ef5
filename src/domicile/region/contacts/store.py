"""Contacts of accounts and all their SQL."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Table, Text, select, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId
from domicile.region.contacts.domain import Contacts

contacts = Table(
    "contacts",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("billing", OpaqueJson, nullable=False),
    Column("operations", OpaqueJson, nullable=False),
    Column("general", OpaqueJson, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("version", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)


async def insert_contacts(tx: RegionTx, account: AccountId, email: str, *, now: datetime) -> None:
    """Begin every list of a new account with one address."""
    first = Contacts((email,), (email,), (email,), now, 1)
    await tx.execute(tx.insert(contacts).values(account_id=account, **_values(first)))


async def find_contacts(tx: RegionTx, account: AccountId) -> Contacts | None:
    """Find the contacts of an account."""
    row = await tx.first(select(contacts).where(contacts.c.account_id == account))
    if row is None:
        return None
    return Contacts(
        tuple(row.billing), tuple(row.operations), tuple(row.general), row.modified_at, row.version
    )


async def update_contacts(tx: RegionTx, account: AccountId, after: Contacts) -> bool:
    """Bring contacts to their next version; False, and nothing changed, if they have another than the one before it."""
    before = (contacts.c.account_id == account) & (contacts.c.version == after.version - 1)
    return await tx.count(update(contacts).where(before).values(_values(after))) == 1


def _values(wanted: Contacts) -> dict[str, object]:
    return {
        "billing": list(wanted.billing),
        "operations": list(wanted.operations),
        "general": list(wanted.general),
        "modified_at": wanted.modified_at,
        "version": wanted.version,
    }
