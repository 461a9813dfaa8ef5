"""What the directory holds of deletion receipts, and all its SQL: rows are added, and never changed."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, LargeBinary, Table, Text, select

from domicile.infra.databases import DirectoryTx
from domicile.infra.planes import DIRECTORY, UtcTime
from domicile.kernel.ids import AccountId, ReceiptId, RegionId

receipts = Table(
    "directory_receipts",
    DIRECTORY,
    Column("receipt_id", Text, primary_key=True),
    Column("region_id", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("suspended_at", UtcTime, nullable=False),
    Column("begun_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FiledReceipt:
    """A deletion receipt as the directory knows it."""

    receipt_id: ReceiptId
    region_id: RegionId
    account_id: AccountId
    suspended_at: datetime
    begun_at: datetime
    ended_at: datetime
    digest: bytes
    """SHA-256 of the signed receipt."""


async def file_receipt(tx: DirectoryTx, receipt: FiledReceipt) -> None:
    """Add a receipt; one that is there stays as it is."""
    await tx.execute(tx.insert(receipts).values(**asdict(receipt)).on_conflict_do_nothing())


async def find_receipt_digest(tx: DirectoryTx, receipt: ReceiptId) -> bytes | None:
    """Find the fingerprint of a receipt; None if the directory has not been told of it."""
    row = await tx.first(select(receipts.c.digest).where(receipts.c.receipt_id == receipt))
    return row.digest if row else None
