"""The history of accesses and all its SQL; append-only until it is past its retention."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Row, Table, Text, and_, delete, func, select

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJsonOrNull, UtcTime
from domicile.kernel.ids import AccountId
from domicile.region.history.domain import Became, Facts, Remembered

access_history = Table(
    "access_history",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("facts", OpaqueJsonOrNull),
    Column("at", UtcTime, nullable=False),
    Index("ix_access_history_at", "at"),
)
_LATER = access_history.alias("later")


async def append_history(
    tx: RegionTx,
    account: AccountId,
    kind: Remembered,
    subject_id: str,
    *,
    seq: int,
    facts: Facts | None,
    now: datetime,
) -> None:
    """Remember what something became by the change that the access log numbered `seq`; None: it ended."""
    row = {
        "account_id": account,
        "kind": kind,
        "subject_id": subject_id,
        "seq": seq,
        "facts": facts,
        "at": now,
    }
    await tx.execute(tx.insert(access_history), row)


async def list_history_at(tx: RegionTx, account: AccountId, moment: datetime) -> tuple[Became, ...]:
    """List what everything in an account was at a moment, in the order of kinds and ids; ended things are left out."""
    until = (access_history.c.account_id == account) & (access_history.c.at <= moment)
    latest = (
        select(
            access_history.c.kind, access_history.c.subject_id, func.max(access_history.c.seq).label("seq")
        )
        .where(until)
        .group_by(access_history.c.kind, access_history.c.subject_id)
        .subquery()
    )
    is_latest = and_(
        access_history.c.kind == latest.c.kind,
        access_history.c.subject_id == latest.c.subject_id,
        access_history.c.seq == latest.c.seq,
    )
    query = (
        select(access_history)
        .join(latest, is_latest)
        .where(access_history.c.account_id == account)
        .order_by(access_history.c.kind, access_history.c.subject_id)
    )
    return tuple(became for row in await tx.all(query) if (became := _became(row)).facts is not None)


async def forget_history(tx: RegionTx, *, before: datetime) -> int:
    """Delete what had been replaced or had ended before a moment; what still held then is kept. Tells how many rows."""
    replaced = (
        select(_LATER.c.seq)
        .where(
            _LATER.c.account_id == access_history.c.account_id,
            _LATER.c.kind == access_history.c.kind,
            _LATER.c.subject_id == access_history.c.subject_id,
            _LATER.c.seq > access_history.c.seq,
            _LATER.c.at < before,
        )
        .exists()
    )
    return await tx.count(delete(access_history).where(access_history.c.at < before, replaced))


def _became(row: Row[tuple[object, ...]]) -> Became:
    return Became(Remembered(row.kind), row.subject_id, row.facts, row.at)
