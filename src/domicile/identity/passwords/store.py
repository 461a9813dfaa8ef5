"""Password hashes and all their SQL."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text, delete, false, select, update

from domicile.identity.passwords.domain import NewHash
from domicile.identity.users.domain import User
from domicile.identity.users.store import user_of, users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

passwords = Table(
    "passwords",
    IDENTITY,
    Column("user_id", Text, ForeignKey(users.c.user_id), primary_key=True),
    Column("hash", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("is_short", Boolean, nullable=False, server_default=false()),
)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """When a user's password was last set."""

    user: User
    changed_at: datetime


async def find_hash(tx: IdentityTx, user: UserId) -> str | None:
    """Find the hash of a user's password."""
    row = await tx.first(select(passwords.c.hash).where(passwords.c.user_id == user))
    return row.hash if row else None


async def find_password_change(tx: IdentityTx, user: UserId) -> PasswordChange | None:
    """Find when a user's password was last set."""
    joined = select(users, passwords.c.changed_at).join(passwords, passwords.c.user_id == users.c.user_id)
    row = await tx.first(joined.where(users.c.user_id == user))
    return PasswordChange(user_of(row), row.changed_at) if row else None


async def is_short(tx: IdentityTx, user: UserId) -> bool:
    """Tell whether a user's password is too short to stand alone; False for who has none."""
    row = await tx.first(select(passwords.c.is_short).where(passwords.c.user_id == user))
    return row is not None and row.is_short


async def put_hash(tx: IdentityTx, user: UserId, new: NewHash, *, now: datetime) -> None:
    """Set a user's password, whether or not there was one."""
    change = {"hash": new.hash, "changed_at": now, "is_short": new.is_short}
    row = tx.insert(passwords).values(user_id=user, **change)
    await tx.execute(row.on_conflict_do_update(index_elements=[passwords.c.user_id], set_=change))


async def replace_hash(tx: IdentityTx, user: UserId, old: str, new: NewHash, *, now: datetime) -> bool:
    """Set a user's password if the one that was checked is still theirs; False if it was changed meanwhile."""
    return await _replace(tx, user, old, {"hash": new.hash, "changed_at": now, "is_short": new.is_short})


async def renew_hash(tx: IdentityTx, user: UserId, old: str, new: NewHash) -> bool:
    """Keep the same password under a hash made today; False, and nothing done, if it was changed meanwhile."""
    return await _replace(tx, user, old, {"hash": new.hash, "is_short": new.is_short})


async def _replace(tx: IdentityTx, user: UserId, old: str, change: dict[str, object]) -> bool:
    mine = (passwords.c.user_id == user) & (passwords.c.hash == old)
    return await tx.count(update(passwords).where(mine).values(**change)) == 1


async def delete_hash(tx: IdentityTx, user: UserId) -> None:
    """Take a user's password away; they can sign in again once they have set another."""
    await tx.execute(delete(passwords).where(passwords.c.user_id == user))
