"""Authenticator apps and all their SQL; the secret is sealed."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Row, Table, Text, select, update

from domicile.identity.totp.domain import TotpFactor
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

totp_factors = Table(
    "totp_factors",
    IDENTITY,
    Column("factor_id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(users.c.user_id), nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    Column("last_step", BigInteger, nullable=False),
    Column("last_used_at", UtcTime),
    Index("ix_totp_factors_user_id", "user_id", "factor_id"),
)


async def list_confirmed(tx: IdentityTx, user: UserId) -> tuple[TotpFactor, ...]:
    """List the apps whose codes count, oldest first."""
    mine = (totp_factors.c.user_id == user) & totp_factors.c.confirmed_at.is_not(None)
    rows = await tx.all(select(totp_factors).where(mine).order_by(totp_factors.c.factor_id))
    return tuple(factor_of(row) for row in rows)


async def use_step(tx: IdentityTx, factor: TotpFactor, step: int, *, now: datetime) -> bool:
    """Use a step up, in one statement; False if it, or a later one, was used before."""
    mine = (totp_factors.c.factor_id == factor.id) & (totp_factors.c.last_step < step)
    counted = update(totp_factors).where(mine, totp_factors.c.confirmed_at.is_not(None))
    return await tx.count(counted.values(last_step=step, last_used_at=now)) == 1


def factor_of(row: Row[Any]) -> TotpFactor:  # Any: a row of the table above
    """Make a factor of a row."""
    return TotpFactor(
        id=row.factor_id,
        user_id=UserId(row.user_id),
        name=row.name,
        sealed_secret=row.sealed_secret,
        created_at=row.created_at,
        confirmed_at=row.confirmed_at,
        last_step=row.last_step,
        last_used_at=row.last_used_at,
    )
