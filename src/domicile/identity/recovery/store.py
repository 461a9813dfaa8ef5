"""Requests for new passwords and all their SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
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

from domicile.identity.recovery.domain import PasswordReset
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

password_resets = Table(
    "password_resets",
    IDENTITY,
    Column("reset_id", Text, primary_key=True),
    Column("email_key", Text, nullable=False),
    Column("user_id", Text, ForeignKey(users.c.user_id)),
    Column("token_hash", LargeBinary),
    Column("request_id", Text, nullable=False),
    Column("source_address", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Index("ix_password_resets_email_key", "email_key", "created_at"),
    Index("ix_password_resets_user_id", "user_id"),
    Index("uq_password_resets_token_hash", "token_hash", unique=True),
)
_resets = password_resets.c


async def insert_reset(tx: IdentityTx, reset: PasswordReset) -> None:
    """Write a request down, for known and unknown addresses alike; its link has no secret until the mail is sent."""
    row = {
        "reset_id": reset.id,
        "email_key": reset.email_key,
        "request_id": reset.request_id,
        "source_address": reset.source_address,
        "created_at": reset.created_at,
        "expires_at": reset.expires_at,
    }
    await tx.execute(tx.insert(password_resets).values(row))


async def count_resets(tx: IdentityTx, email_key: str, *, since: datetime) -> int:
    """Count the requests for an address, whatever became of them."""
    recent = (_resets.email_key == email_key) & (_resets.created_at > since)
    return (await tx.execute(select(func.count()).select_from(password_resets).where(recent))).scalar_one()


async def find_open_reset(tx: IdentityTx, reset_id: str, *, now: datetime) -> PasswordReset | None:
    """Find a request that can still lead to a new password."""
    row = await tx.first(select(password_resets).where(_resets.reset_id == reset_id, _is_open(now)))
    return _reset_of(row) if row else None


async def put_token_hash(tx: IdentityTx, reset_id: str, user: UserId, token_hash: bytes) -> bool:
    """Give a request its user and its link a secret; True if it is the link's first."""
    mine = _resets.reset_id == reset_id
    first = await tx.count(
        update(password_resets).where(mine, _resets.user_id.is_(None)).values(user_id=user)
    )
    await tx.execute(update(password_resets).where(mine).values(token_hash=token_hash))
    return first == 1


async def find_user_of_link(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> UserId | None:
    """Find whose password a link would set."""
    row = await tx.first(select(_resets.user_id).where(_resets.token_hash == token_hash, _is_open(now)))
    return UserId(row.user_id) if row else None


async def consume_reset(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> UserId | None:
    """Use a link up and tell whose it is; None if it was used before, is too old, or was never given out."""
    mine = update(password_resets).where(_resets.token_hash == token_hash, _is_open(now))
    row = (await tx.execute(mine.values(used_at=now).returning(_resets.user_id))).first()
    return UserId(row.user_id) if row else None


async def close_resets(tx: IdentityTx, user: UserId, *, now: datetime) -> None:
    """Make every link of a user worthless."""
    mine = (_resets.user_id == user) & _resets.used_at.is_(None)
    await tx.execute(update(password_resets).where(mine).values(used_at=now))


async def delete_resets(tx: IdentityTx, user: UserId, email_key: str) -> None:
    """Delete every request for a new password of a user, or for their address."""
    await tx.execute(
        delete(password_resets).where((_resets.user_id == user) | (_resets.email_key == email_key))
    )


async def forget_resets(tx: IdentityTx, *, before: datetime) -> None:
    """Delete requests that expired before a moment."""
    await tx.execute(delete(password_resets).where(_resets.expires_at < before))


def _is_open(now: datetime) -> ColumnElement[bool]:
    return _resets.used_at.is_(None) & (_resets.expires_at > now)


def _reset_of(row: Row[Any]) -> PasswordReset:  # Any: a row of the table above
    return PasswordReset(
        id=row.reset_id,
        email_key=row.email_key,
        request_id=row.request_id,
        source_address=row.source_address,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
