"""Password hashes and all their SQL."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Table, Text, bindparam, delete, select, update

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
)
_BY_EMAIL = (
    select(users, passwords.c.hash)
    .join(passwords, passwords.c.user_id == users.c.user_id)
    .where(users.c.email_key == bindparam("email_key"))
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A user together with the hash of their password."""

    user: User
    hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """When a user's password was last set."""

    user: User
    changed_at: datetime


async def find_credential_by_email(tx: IdentityTx, email_key: str) -> Credential | None:
    """Find a user and the hash of their password by the key of their address, in one query."""
    row = (await tx.execute(_BY_EMAIL, {"email_key": email_key})).first()
    return Credential(user_of(row), row.hash) if row else None


async def find_hash(tx: IdentityTx, user: UserId) -> str | None:
    """Find the hash of a user's password."""
    row = await tx.first(select(passwords.c.hash).where(passwords.c.user_id == user))
    return row.hash if row else None


async def find_password_change(tx: IdentityTx, user: UserId) -> PasswordChange | None:
    """Find when a user's password was last set."""
    joined = select(users, passwords.c.changed_at).join(passwords, passwords.c.user_id == users.c.user_id)
    row = await tx.first(joined.where(users.c.user_id == user))
    return PasswordChange(user_of(row), row.changed_at) if row else None


async def put_hash(tx: IdentityTx, user: UserId, new: str, *, now: datetime) -> None:
    """Set a user's password, whether or not there was one."""
    row = tx.insert(passwords).values(user_id=user, hash=new, changed_at=now)
    change = {"hash": new, "changed_at": now}
    await tx.execute(row.on_conflict_do_update(index_elements=[passwords.c.user_id], set_=change))


async def replace_hash(tx: IdentityTx, user: UserId, old: str, new: str, *, now: datetime) -> bool:
    """Set a user's password if the one that was checked is still theirs; False if it was changed meanwhile."""
    mine = (passwords.c.user_id == user) & (passwords.c.hash == old)
    return await tx.count(update(passwords).where(mine).values(hash=new, changed_at=now)) == 1


async def delete_hash(tx: IdentityTx, user: UserId) -> None:
    """Take a user's password away; they can sign in again once they have set another."""
    await tx.execute(delete(passwords).where(passwords.c.user_id == user))
