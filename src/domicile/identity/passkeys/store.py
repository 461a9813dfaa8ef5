"""Passkeys and challenges, and all their SQL."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)

from domicile.identity.passkeys.domain import Challenge, Passkey, Purpose
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

passkeys = Table(
    "passkeys",
    IDENTITY,
    Column("passkey_id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey(users.c.user_id), nullable=False),
    Column("name", Text, nullable=False),
    Column("credential_id", LargeBinary, nullable=False),
    Column("user_handle", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("transports", Text, nullable=False),
    Column("aaguid", Text, nullable=False),
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("uv_initialised", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_used_at", UtcTime),
    Column("cloned_at", UtcTime),
    UniqueConstraint("credential_id"),
    Index("ix_passkeys_user_id", "user_id", "passkey_id"),
)
passkey_challenges = Table(
    "passkey_challenges",
    IDENTITY,
    Column("challenge_id", Text, primary_key=True),
    Column("challenge", LargeBinary, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("user_id", Text, ForeignKey(users.c.user_id)),
    Column("binding", Text, nullable=False),
    Column("needs_uv", Boolean, nullable=False),
    Column("user_handle", LargeBinary),
    Column("expires_at", UtcTime, nullable=False),
    Index("ix_passkey_challenges_user_id", "user_id"),
    Index("ix_passkey_challenges_expires_at", "expires_at"),
)
_keys, _challenges = passkeys.c, passkey_challenges.c


async def insert_challenge(tx: IdentityTx, challenge: Challenge) -> None:
    """Write a challenge down."""
    row = {
        "challenge_id": challenge.id,
        "challenge": challenge.secret,
        "purpose": challenge.purpose.value,
        "user_id": challenge.user_id,
        "binding": challenge.binding,
        "needs_uv": challenge.needs_uv,
        "user_handle": challenge.user_handle,
        "expires_at": challenge.expires_at,
    }
    await tx.execute(tx.insert(passkey_challenges).values(row))


async def consume_challenge(
    tx: IdentityTx, challenge_id: str, purpose: Purpose, binding: str, *, user: UserId | None, now: datetime
) -> Challenge | None:
    """Use a challenge up, in one statement; None if it was used, is too old, or was given out for something or somebody else."""
    mine = (_challenges.challenge_id == challenge_id) & (_challenges.binding == binding)
    whose = _challenges.user_id.is_(None) if user is None else _challenges.user_id == user
    good = (_challenges.purpose == purpose.value) & (_challenges.expires_at > now)
    used = delete(passkey_challenges).where(mine, whose, good).returning(*passkey_challenges.c)
    row = (await tx.execute(used)).first()
    return _challenge_of(row) if row else None


async def forget_challenges(tx: IdentityTx, *, now: datetime) -> None:
    """Delete the challenges that nobody answered in time."""
    await tx.execute(delete(passkey_challenges).where(_challenges.expires_at <= now))


async def insert_passkey(tx: IdentityTx, passkey: Passkey) -> bool:
    """Write a passkey down; False if somebody, whoever it is, has one with the same credential."""
    row = {
        "passkey_id": passkey.id,
        "user_id": passkey.user_id,
        "name": passkey.name,
        "credential_id": passkey.credential_id,
        "user_handle": passkey.user_handle,
        "public_key": passkey.public_key,
        "sign_count": passkey.sign_count,
        "transports": " ".join(passkey.transports),
        "aaguid": passkey.aaguid,
        "backup_eligible": passkey.backup_eligible,
        "backed_up": passkey.backed_up,
        "uv_initialised": passkey.uv_initialised,
        "created_at": passkey.created_at,
        "last_used_at": passkey.last_used_at,
        "cloned_at": passkey.cloned_at,
    }
    return await tx.count(tx.insert(passkeys).values(row).on_conflict_do_nothing()) == 1


async def list_passkeys(tx: IdentityTx, user: UserId) -> tuple[Passkey, ...]:
    """List a user's passkeys, oldest first."""
    rows = await tx.all(select(passkeys).where(_keys.user_id == user).order_by(_keys.passkey_id))
    return tuple(_passkey_of(row) for row in rows)


async def count_passkeys(tx: IdentityTx, user: UserId) -> int:
    """Count a user's passkeys."""
    mine = select(func.count()).select_from(passkeys).where(_keys.user_id == user)
    return (await tx.execute(mine)).scalar_one()


async def has_usable_passkey(tx: IdentityTx, user: UserId) -> bool:
    """Tell whether a user has a passkey that is not stopped."""
    mine = select(_keys.passkey_id).where(_keys.user_id == user, _keys.cloned_at.is_(None))
    return await tx.first(mine.limit(1)) is not None


async def find_passkey(tx: IdentityTx, user: UserId, passkey_id: str) -> Passkey | None:
    """Find one of a user's passkeys."""
    row = await tx.first(select(passkeys).where(_keys.user_id == user, _keys.passkey_id == passkey_id))
    return _passkey_of(row) if row else None


async def find_by_credential(tx: IdentityTx, credential_id: bytes) -> Passkey | None:
    """Find the passkey of a credential, whosoever it is."""
    row = await tx.first(select(passkeys).where(_keys.credential_id == credential_id))
    return _passkey_of(row) if row else None


async def note_use(
    tx: IdentityTx, passkey: Passkey, *, sign_count: int, backed_up: bool, now: datetime
) -> bool:
    """Note a use, in one statement; False if the counter did not go forward since the last one, or the passkey is stopped or gone."""
    mine = (_keys.passkey_id == passkey.id) & _keys.cloned_at.is_(None)
    # A device that counts nothing says 0 every time (section 6.1.1).
    forward = _keys.sign_count < sign_count if sign_count else _keys.sign_count == 0
    used = update(passkeys).where(mine, forward)
    return await tx.count(used.values(sign_count=sign_count, backed_up=backed_up, last_used_at=now)) == 1


async def stop_passkey(tx: IdentityTx, passkey_id: str, *, now: datetime) -> bool:
    """Refuse a passkey from now on, for there may be a copy of it; False if it is refused already, or gone."""
    mine = (_keys.passkey_id == passkey_id) & _keys.cloned_at.is_(None)
    return await tx.count(update(passkeys).where(mine).values(cloned_at=now)) == 1


async def rename_passkey(tx: IdentityTx, user: UserId, passkey_id: str, name: str) -> bool:
    """Give one of a user's passkeys another name; False if they have none of that id."""
    mine = (_keys.user_id == user) & (_keys.passkey_id == passkey_id)
    return await tx.count(update(passkeys).where(mine).values(name=name)) == 1


async def delete_passkey(tx: IdentityTx, user: UserId, passkey_id: str) -> str | None:
    """Take one of a user's passkeys away, in one statement; gives its name, None if they have none of that id."""
    mine = (_keys.user_id == user) & (_keys.passkey_id == passkey_id)
    row = (await tx.execute(delete(passkeys).where(mine).returning(_keys.name))).first()
    return row.name if row else None


async def delete_passkeys(tx: IdentityTx, user: UserId) -> None:
    """Take all passkeys of a user away, and what was asked of them."""
    await tx.execute(delete(passkey_challenges).where(_challenges.user_id == user))
    await tx.execute(delete(passkeys).where(_keys.user_id == user))


def _passkey_of(row: Row[Any]) -> Passkey:  # Any: a row of the table above
    return Passkey(
        id=row.passkey_id,
        user_id=UserId(row.user_id),
        name=row.name,
        credential_id=row.credential_id,
        user_handle=row.user_handle,
        public_key=row.public_key,
        sign_count=row.sign_count,
        transports=tuple(row.transports.split()),
        aaguid=row.aaguid,
        backup_eligible=row.backup_eligible,
        backed_up=row.backed_up,
        uv_initialised=row.uv_initialised,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        cloned_at=row.cloned_at,
    )


def _challenge_of(row: Row[Any]) -> Challenge:  # Any: a row of the table above
    return Challenge(
        id=row.challenge_id,
        secret=row.challenge,
        purpose=Purpose(row.purpose),
        user_id=UserId(row.user_id) if row.user_id else None,
        binding=row.binding,
        needs_uv=row.needs_uv,
        user_handle=row.user_handle,
        expires_at=row.expires_at,
    )
