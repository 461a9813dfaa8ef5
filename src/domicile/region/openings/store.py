"""Openings, and all their SQL."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKeyConstraint, Index, LargeBinary, Table, Text, delete, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId, UserId
from domicile.region.openings.domain import Opening

service_openings = Table(
    "service_openings",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("opening_id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("sign_in", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index("uq_service_openings_opening_id", "opening_id", unique=True),
    Index("ix_service_openings_expires_at", "expires_at"),
)


async def insert_opening(tx: RegionTx, opening: Opening) -> None:
    """Write an opening down."""
    row = {
        "account_id": opening.account_id,
        "opening_id": opening.id,
        "service": opening.service,
        "user_id": opening.user_id,
        "sign_in": opening.sign_in,
        "address": opening.address,
        "secret_hash": opening.secret_hash,
        "expires_at": opening.expires_at,
    }
    await tx.execute(tx.insert(service_openings), row)


@dataclass(frozen=True, slots=True)
class Good:
    """Which code or handle has to be the newest of which opening."""

    opening_id: str
    service: str
    secret_hash: bytes


async def use_opening(
    tx: RegionTx, good: Good, following: bytes, *, until: datetime, now: datetime
) -> Opening | None:
    """Use a code or handle up and put the next in its place, in one statement; None if it is not the one that is good now.

    The opening is found by its id alone, before any account is known: the id is random, and in the code.
    """
    mine = (
        (service_openings.c.opening_id == good.opening_id)
        & (service_openings.c.service == good.service)
        & (service_openings.c.secret_hash == good.secret_hash)
        & (service_openings.c.expires_at > now)
    )
    change = update(service_openings).where(mine).values(secret_hash=following, expires_at=until)
    row = (await tx.execute(change.returning(service_openings))).first()
    if row is None:
        return None
    return Opening(
        id=row.opening_id,
        account_id=AccountId(row.account_id),
        service=row.service,
        user_id=UserId(row.user_id),
        sign_in=row.sign_in,
        address=row.address,
        secret_hash=row.secret_hash,
        expires_at=row.expires_at,
    )


async def delete_opening(tx: RegionTx, opening_id: str, service: str) -> None:
    """Close a way into a service for good."""
    mine = (service_openings.c.opening_id == opening_id) & (service_openings.c.service == service)
    await tx.execute(delete(service_openings).where(mine))


async def forget_openings(tx: RegionTx, *, now: datetime) -> None:
    """Delete what was not used in time."""
    await tx.execute(delete(service_openings).where(service_openings.c.expires_at <= now))
