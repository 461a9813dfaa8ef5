"""Recovery codes and all their SQL; only a keyed hash of each is kept."""

from datetime import datetime

from sqlalchemy import Column, ColumnElement, ForeignKey, LargeBinary, Table, Text, delete, select, update

from domicile.identity.recovery_codes.domain import CodeSet
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

recovery_codes = Table(
    "recovery_codes",
    IDENTITY,
    Column("user_id", Text, ForeignKey(users.c.user_id), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
)


async def replace_codes(tx: IdentityTx, user: UserId, hashes: tuple[bytes, ...], *, now: datetime) -> None:
    """Give a user a new set of codes; what was left of the former one is worth nothing."""
    await delete_codes(tx, user)
    rows = [{"user_id": user, "code_hash": each, "created_at": now} for each in hashes]
    await tx.execute(tx.insert(recovery_codes).values(rows))


async def use_code(tx: IdentityTx, user: UserId, code_hash: bytes, *, now: datetime) -> bool:
    """Use a code up, in one statement; False if there is none, or it was used."""
    mine = (recovery_codes.c.user_id == user) & (recovery_codes.c.code_hash == code_hash)
    unused = update(recovery_codes).where(mine, recovery_codes.c.used_at.is_(None))
    return await tx.count(unused.values(used_at=now)) == 1


async def find_code_set(tx: IdentityTx, user: UserId) -> CodeSet | None:
    """Find when a user's codes were made and how many were not used; None if there are none."""
    rows = await tx.all(select(recovery_codes.c.created_at, recovery_codes.c.used_at).where(_of(user)))
    return CodeSet(sum(row.used_at is None for row in rows), rows[0].created_at) if rows else None


async def delete_codes(tx: IdentityTx, user: UserId) -> None:
    """Take a user's codes away, used ones too."""
    await tx.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user))


def _of(user: UserId) -> ColumnElement[bool]:
    return recovery_codes.c.user_id == user
