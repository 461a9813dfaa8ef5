"""Sign-ups that wait for their address to be proved, and all their SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)

from domicile.identity.registration.domain import SignUp
from domicile.identity.users.domain import Profile
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.email_address import EmailAddress

sign_ups = Table(
    "sign_ups",
    IDENTITY,
    Column("sign_up_id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("token_hash", LargeBinary),
    Column("consumed_at", UtcTime),
    Index("ix_sign_ups_email_key", "email_key", "created_at"),
    Index("uq_sign_ups_token_hash", "token_hash", unique=True),
)


async def insert_sign_up(tx: IdentityTx, sign_up: SignUp) -> None:
    """Write a sign-up down; its link has no secret until the mail is sent."""
    row = {
        "sign_up_id": sign_up.id,
        "email": sign_up.email.shown,
        "email_key": sign_up.email.key,
        "name": sign_up.profile.name,
        "locale": sign_up.profile.locale,
        "time_zone": sign_up.profile.time_zone,
        "password_hash": sign_up.password_hash,
        "created_at": sign_up.created_at,
        "expires_at": sign_up.expires_at,
    }
    await tx.execute(tx.insert(sign_ups).values(row))


async def count_sign_ups(tx: IdentityTx, email_key: str, *, since: datetime) -> int:
    """Count the sign-ups for an address, whatever became of them."""
    recent = (sign_ups.c.email_key == email_key) & (sign_ups.c.created_at > since)
    return (await tx.execute(select(func.count()).select_from(sign_ups).where(recent))).scalar_one()


async def find_open_sign_up(tx: IdentityTx, sign_up_id: str, *, now: datetime) -> SignUp | None:
    """Find a sign-up that still waits for its address to be proved."""
    mine = (sign_ups.c.sign_up_id == sign_up_id) & _is_open(now)
    row = await tx.first(select(sign_ups).where(mine))
    return _sign_up_of(row) if row else None


async def put_token_hash(tx: IdentityTx, sign_up_id: str, token_hash: bytes) -> None:
    """Give a sign-up's link its secret; an earlier one no longer works."""
    await tx.execute(
        update(sign_ups).where(sign_ups.c.sign_up_id == sign_up_id).values(token_hash=token_hash)
    )


async def consume_sign_up(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> SignUp | None:
    """Use a link up; None if it was used before, is too old, or was never given out."""
    mine = (sign_ups.c.token_hash == token_hash) & _is_open(now)
    row = (await tx.execute(update(sign_ups).where(mine).values(consumed_at=now).returning(sign_ups))).first()
    return _sign_up_of(row) if row else None


async def close_sign_ups(tx: IdentityTx, email_key: str, *, now: datetime) -> None:
    """Close all sign-ups for an address that is a user's now, and forget the passwords in them."""
    for_address = sign_ups.c.email_key == email_key
    await tx.execute(
        update(sign_ups).where(for_address).values(consumed_at=now, token_hash=None, password_hash="")
    )


async def delete_sign_ups(tx: IdentityTx, email_key: str) -> None:
    """Delete all sign-ups for an address that its user gives up: a link from then must not work for whoever has it next."""
    await tx.execute(delete(sign_ups).where(sign_ups.c.email_key == email_key))


async def forget_sign_ups(tx: IdentityTx, *, before: datetime) -> None:
    """Delete sign-ups that expired before a moment."""
    await tx.execute(delete(sign_ups).where(sign_ups.c.expires_at < before))


def _is_open(now: datetime) -> ColumnElement[bool]:
    return sign_ups.c.consumed_at.is_(None) & (sign_ups.c.expires_at > now)


def _sign_up_of(row: Row[Any]) -> SignUp:  # Any: a row of the table above
    return SignUp(
        id=row.sign_up_id,
        email=EmailAddress(row.email, row.email_key),
        profile=Profile(row.name, row.locale, row.time_zone),
        password_hash=row.password_hash,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
