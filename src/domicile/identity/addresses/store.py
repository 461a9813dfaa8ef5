"""Changes of address, links that undo them, and released addresses, with all their SQL."""

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

from domicile.identity.addresses.domain import EmailChange
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.infra.secrets import KeyedHash
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.ids import UserId

email_changes = Table(
    "email_changes",
    IDENTITY,
    Column("change_id", Text, primary_key=True),
    Column("user_id", Text, ForeignKey("users.user_id"), nullable=False),
    Column("session_id", Text, nullable=False),
    Column("former_email", Text, nullable=False),
    Column("former_email_key", Text, nullable=False),
    Column("former_since", UtcTime),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("token_hash", LargeBinary),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("undo_until", UtcTime, nullable=False),
    Column("completed_at", UtcTime),
    Column("closed_at", UtcTime),
    Column("undone_at", UtcTime),
    Index("ix_email_changes_user_id", "user_id", "created_at"),
    Index("ix_email_changes_email_key", "email_key", "created_at"),
    Index("uq_email_changes_token_hash", "token_hash", unique=True),
)
email_undo_links = Table(
    "email_undo_links",
    IDENTITY,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("change_id", Text, ForeignKey(email_changes.c.change_id), nullable=False),
    Index("ix_email_undo_links_change_id", "change_id"),
)
released_addresses = Table(
    "released_addresses",
    IDENTITY,
    Column("address_hash", LargeBinary, primary_key=True),
    Column("released_at", UtcTime, nullable=False),
)
_changes = email_changes.c


async def insert_change(tx: IdentityTx, change: EmailChange) -> None:
    """Write a change down; its links have no secrets until their mails are sent."""
    row = {
        "change_id": change.id,
        "user_id": change.user_id,
        "session_id": change.session_id,
        "former_email": change.former.shown,
        "former_email_key": change.former.key,
        "former_since": change.former_since,
        "email": change.wanted.shown,
        "email_key": change.wanted.key,
        "created_at": change.created_at,
        "expires_at": change.expires_at,
        "undo_until": change.undo_until,
    }
    await tx.execute(tx.insert(email_changes).values(row))


async def count_changes_by(tx: IdentityTx, user: UserId, *, since: datetime) -> int:
    """Count the changes that a user has asked for, whatever became of them."""
    return await _count(tx, (_changes.user_id == user) & (_changes.created_at > since))


async def count_changes_to(tx: IdentityTx, email_key: str, *, since: datetime) -> int:
    """Count the changes to an address, whoever asked for them."""
    return await _count(tx, (_changes.email_key == email_key) & (_changes.created_at > since))


async def _count(tx: IdentityTx, which: ColumnElement[bool]) -> int:
    return (await tx.execute(select(func.count()).select_from(email_changes).where(which))).scalar_one()


async def find_pending(tx: IdentityTx, user: UserId, *, now: datetime) -> EmailChange | None:
    """Find the change of a user whose new address can still be proved."""
    row = await tx.first(select(email_changes).where(_changes.user_id == user, _is_open(now)))
    return _change_of(row) if row else None


async def find_change(tx: IdentityTx, change_id: str) -> EmailChange | None:
    """Find a change, whatever became of it."""
    row = await tx.first(select(email_changes).where(_changes.change_id == change_id))
    return _change_of(row) if row else None


async def find_open_change(tx: IdentityTx, change_id: str, *, now: datetime) -> EmailChange | None:
    """Find a change whose new address can still be proved."""
    row = await tx.first(select(email_changes).where(_changes.change_id == change_id, _is_open(now)))
    return _change_of(row) if row else None


async def close_pending(tx: IdentityTx, user: UserId, *, now: datetime) -> bool:
    """Take back what a user has asked for and not proved; False if there is nothing."""
    mine = (_changes.user_id == user) & _is_open(now)
    return await tx.count(update(email_changes).where(mine).values(closed_at=now)) > 0


async def note_lifted(tx: IdentityTx, user: UserId, former_id: str, session_id: str) -> None:
    """Name the session that asked for changes by its new id, so that it is still the one that goes on when one is proved."""
    mine = (_changes.user_id == user) & (_changes.session_id == former_id)
    await tx.execute(update(email_changes).where(mine).values(session_id=session_id))


async def put_token_hash(tx: IdentityTx, change_id: str, token_hash: bytes) -> None:
    """Give the link that proves the new address its secret; an earlier one no longer works."""
    mine = update(email_changes).where(_changes.change_id == change_id)
    await tx.execute(mine.values(token_hash=token_hash))


async def consume_change(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> EmailChange | None:
    """Complete the change of a link; None if it was used or taken back before, is too old, or was never given out."""
    mine = update(email_changes).where(_changes.token_hash == token_hash, _is_open(now))
    row = (await tx.execute(mine.values(completed_at=now).returning(email_changes))).first()
    return _change_of(row) if row else None


async def put_undo_link(tx: IdentityTx, change_id: str, token_hash: bytes) -> None:
    """Give a change one more link that undoes it; those in earlier mails go on to work."""
    await tx.execute(tx.insert(email_undo_links).values(token_hash=token_hash, change_id=change_id))


async def prolong_undo(tx: IdentityTx, change_id: str, *, until: datetime) -> None:
    """Let a change be undone for longer."""
    mine = update(email_changes).where(_changes.change_id == change_id)
    await tx.execute(mine.values(undo_until=until))


async def consume_undo(tx: IdentityTx, token_hash: bytes, *, now: datetime) -> EmailChange | None:
    """Mark the change of a link as undone; None if it is so already, is too old, or was never given out."""
    linked = select(email_undo_links.c.change_id).where(email_undo_links.c.token_hash == token_hash)
    mine = (_changes.change_id == linked.scalar_subquery()) & _changes.undone_at.is_(None)
    change = update(email_changes).where(mine, _changes.undo_until > now)
    row = (await tx.execute(change.values(undone_at=now).returning(email_changes))).first()
    return _change_of(row) if row else None


async def void_later_changes(tx: IdentityTx, undone: EmailChange, *, now: datetime) -> None:
    """Make every link of the changes that the same user asked for since worthless."""
    later = (_changes.user_id == undone.user_id) & (_changes.change_id >= undone.id)
    change = update(email_changes).where(later)
    await tx.execute(change.values(undone_at=func.coalesce(_changes.undone_at, now), closed_at=now))


async def delete_changes(tx: IdentityTx, user: UserId) -> None:
    """Delete every change of a user, with its links."""
    await _delete(tx, _changes.user_id == user)


async def forget_changes(tx: IdentityTx, *, before: datetime) -> None:
    """Delete changes that could be undone until a moment."""
    await _delete(tx, _changes.undo_until < before)


async def _delete(tx: IdentityTx, which: ColumnElement[bool]) -> None:
    of_them = select(_changes.change_id).where(which)
    await tx.execute(delete(email_undo_links).where(email_undo_links.c.change_id.in_(of_them)))
    await tx.execute(delete(email_changes).where(which))


async def release_address(tx: IdentityTx, hasher: KeyedHash, email_key: str, *, now: datetime) -> None:
    """Remember, as a keyed hash alone, that an address was somebody's until now."""
    row = tx.insert(released_addresses).values(address_hash=_hash(hasher, email_key), released_at=now)
    change = {"released_at": now}
    await tx.execute(
        row.on_conflict_do_update(index_elements=[released_addresses.c.address_hash], set_=change)
    )


async def find_release(tx: IdentityTx, hasher: KeyedHash, email_key: str) -> datetime | None:
    """Find when an address was given up last; None if it never was."""
    mine = released_addresses.c.address_hash == _hash(hasher, email_key)
    row = await tx.first(select(released_addresses.c.released_at).where(mine))
    return row.released_at if row else None


def _hash(hasher: KeyedHash, email_key: str) -> bytes:
    return hasher.of(f"released address {email_key}")


def _is_open(now: datetime) -> ColumnElement[bool]:
    is_waiting = _changes.completed_at.is_(None) & _changes.closed_at.is_(None) & _changes.undone_at.is_(None)
    return is_waiting & (_changes.expires_at > now)


def _change_of(row: Row[Any]) -> EmailChange:  # Any: a row of the table above
    return EmailChange(
        id=row.change_id,
        user_id=UserId(row.user_id),
        session_id=row.session_id,
        former=EmailAddress(row.former_email, row.former_email_key),
        former_since=row.former_since,
        wanted=EmailAddress(row.email, row.email_key),
        created_at=row.created_at,
        expires_at=row.expires_at,
        undo_until=row.undo_until,
        completed_at=row.completed_at,
    )
