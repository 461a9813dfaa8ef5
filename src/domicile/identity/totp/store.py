"""Authenticator apps and all their SQL; the secret is sealed."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    delete,
    select,
    update,
)

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
    Column("replaces_id", Text),
    Column("wrong_codes", BigInteger, nullable=False),
    Index("ix_totp_factors_user_id", "user_id", "factor_id"),
)


async def list_confirmed(tx: IdentityTx, user: UserId) -> tuple[TotpFactor, ...]:
    """List the apps whose codes count, oldest first."""
    mine = (totp_factors.c.user_id == user) & totp_factors.c.confirmed_at.is_not(None)
    rows = await tx.all(select(totp_factors).where(mine).order_by(totp_factors.c.factor_id))
    return tuple(factor_of(row) for row in rows)


async def insert_factor(tx: IdentityTx, factor: TotpFactor) -> None:
    """Write an app down that does not count yet, in place of any other of the person that does not."""
    pending = (totp_factors.c.user_id == factor.user_id) & totp_factors.c.confirmed_at.is_(None)
    await tx.execute(delete(totp_factors).where(pending))
    row = {
        "factor_id": factor.id,
        "user_id": factor.user_id,
        "name": factor.name,
        "sealed_secret": factor.sealed_secret,
        "created_at": factor.created_at,
        "confirmed_at": factor.confirmed_at,
        "last_step": factor.last_step,
        "last_used_at": factor.last_used_at,
        "replaces_id": factor.replaces_id,
        "wrong_codes": 0,
    }
    await tx.execute(tx.insert(totp_factors).values(row))


async def find_pending(tx: IdentityTx, user: UserId, factor_id: str, *, since: datetime) -> TotpFactor | None:
    """Find an app of a person that does not count yet, written down after a moment."""
    mine = _is(user, factor_id) & totp_factors.c.confirmed_at.is_(None)
    row = await tx.first(select(totp_factors).where(mine, totp_factors.c.created_at > since))
    return factor_of(row) if row else None


async def confirm_factor(tx: IdentityTx, factor: TotpFactor, step: int, *, now: datetime) -> bool:
    """Let an app count, and use up the step of the code that proved it, in one statement; False if it is gone, or counts already."""
    pending = update(totp_factors).where(
        _is(factor.user_id, factor.id), totp_factors.c.confirmed_at.is_(None)
    )
    change = {"confirmed_at": now, "last_step": step, "last_used_at": now, "replaces_id": None}
    return await tx.count(pending.values(change)) == 1


async def count_wrong_code(tx: IdentityTx, factor: TotpFactor, *, most: int) -> int:
    """Count a wrong code for an app that does not count yet, and delete it with the last that is allowed; gives how many are left."""
    pending = _is(factor.user_id, factor.id) & totp_factors.c.confirmed_at.is_(None)
    counted = update(totp_factors).where(pending).values(wrong_codes=totp_factors.c.wrong_codes + 1)
    row = (await tx.execute(counted.returning(totp_factors.c.wrong_codes))).first()
    if row is not None and row.wrong_codes < most:
        return most - int(row.wrong_codes)
    await tx.execute(delete(totp_factors).where(pending))
    return 0


async def rename_confirmed(tx: IdentityTx, user: UserId, factor_id: str, name: str) -> bool:
    """Call an app something else; False if the person has none of that id that counts."""
    mine = _is(user, factor_id) & totp_factors.c.confirmed_at.is_not(None)
    return await tx.count(update(totp_factors).where(mine).values(name=name)) == 1


async def delete_confirmed(tx: IdentityTx, user: UserId, factor_id: str) -> str | None:
    """Delete an app, in one statement; gives its name, None if the person has none of that id that counts."""
    mine = _is(user, factor_id) & totp_factors.c.confirmed_at.is_not(None)
    row = (await tx.execute(delete(totp_factors).where(mine).returning(totp_factors.c.name))).first()
    return row.name if row else None


async def delete_factors(tx: IdentityTx, user: UserId) -> None:
    """Delete all apps of a person, those too that do not count yet."""
    await tx.execute(delete(totp_factors).where(totp_factors.c.user_id == user))


async def forget_pending(tx: IdentityTx, *, before: datetime) -> None:
    """Delete the apps that were not confirmed in time."""
    pending = totp_factors.c.confirmed_at.is_(None) & (totp_factors.c.created_at <= before)
    await tx.execute(delete(totp_factors).where(pending))


async def use_step(tx: IdentityTx, factor: TotpFactor, step: int, *, now: datetime) -> bool:
    """Use a step up, in one statement; False if it, or a later one, was used before."""
    mine = (totp_factors.c.factor_id == factor.id) & (totp_factors.c.last_step < step)
    counted = update(totp_factors).where(mine, totp_factors.c.confirmed_at.is_not(None))
    return await tx.count(counted.values(last_step=step, last_used_at=now)) == 1


def _is(user: UserId, factor_id: str) -> ColumnElement[bool]:
    return (totp_factors.c.user_id == user) & (totp_factors.c.factor_id == factor_id)


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
        replaces_id=row.replaces_id,
    )
