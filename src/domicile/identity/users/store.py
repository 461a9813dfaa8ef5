"""Users and all their SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Row, Table, Text, UniqueConstraint, delete, select, update

from domicile.directory.feed.store import USER_CHANGED, append_feed
from domicile.directory.memberships.store import list_regions_of
from domicile.identity.users.domain import Profile, User, UserState, absence_of
from domicile.infra.databases import DirectoryTx, IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.callers import MemberCard
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.ids import RegionId, UserId

users = Table(
    "users",
    IDENTITY,
    Column("user_id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("address_since", UtcTime),
    Column("mfa_enabled", Boolean, nullable=False),
    UniqueConstraint("email_key"),
)
_OF_A_CARD = (
    users.c.user_id,
    users.c.name,
    users.c.email,
    users.c.locale,
    users.c.time_zone,
    users.c.state,
    users.c.epoch,
    users.c.version,
    users.c.mfa_enabled,
)
"""All that a region asks for; its own role may read no more of a person than `directory/grants.py` says."""


async def insert_user(tx: IdentityTx, user: User) -> bool:
    """Write a new user down; False if the address belongs to one already."""
    row = {
        "user_id": user.id,
        "email": user.email,
        "email_key": user.email_key,
        "name": user.name,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "state": user.state,
        "epoch": user.epoch,
        "version": user.version,
        "created_at": user.created_at,
        "modified_at": user.modified_at,
        "address_since": user.address_since,
        "mfa_enabled": user.mfa_enabled,
    }
    return await tx.count(tx.insert(users).values(row).on_conflict_do_nothing()) == 1


async def find_user(tx: DirectoryTx, user: UserId) -> User | None:
    """Find a user by id."""
    row = await tx.first(select(users).where(users.c.user_id == user))
    return user_of(row) if row else None


async def find_user_by_email(tx: IdentityTx, email_key: str) -> User | None:
    """Find a user by the key of their address."""
    row = await tx.first(select(users).where(users.c.email_key == email_key))
    return user_of(row) if row else None


async def update_profile(tx: IdentityTx, user: UserId, profile: Profile, *, now: datetime) -> User:
    """Change what a user says about themselves, and tell the regions where they are a member."""
    change = {
        "name": profile.name,
        "locale": profile.locale,
        "time_zone": profile.time_zone,
        "modified_at": now,
    }
    return await _update(tx, user, change, now)


async def change_address(
    tx: IdentityTx, user: UserId, email: EmailAddress, *, since: datetime | None, now: datetime
) -> User:
    """Give a user another address and end what their tokens were issued for, and tell the regions where they are a member.

    `since`: when somebody else gave that address up. Whether it is free is for the caller to see, in the same transaction; a user
    who takes it at the same moment is refused by the engine.
    """
    change = {
        "email": email.shown,
        "email_key": email.key,
        "address_since": since,
        "epoch": users.c.epoch + 1,
        "modified_at": now,
    }
    return await _update(tx, user, change, now)


async def change_state(
    tx: IdentityTx, user: UserId, *, former: UserState, new: UserState, now: datetime
) -> User | None:
    """Move a user from one state to another, in a new version; None if they are not in the former.

    The regions are told by the caller, who knows in which words (`tell_regions_of`).
    """
    mine = update(users).where(users.c.user_id == user, users.c.state == former)
    change = mine.values(state=new, modified_at=now, version=users.c.version + 1)
    row = (await tx.execute(change.returning(users))).first()
    return user_of(row) if row else None


async def tell_regions_of(
    tx: IdentityTx, kind: str, user: UserId, regions: Sequence[RegionId], *, version: int, now: datetime
) -> None:
    """Tell regions of a change of a user, in a word of the feed."""
    for region in regions:
        await append_feed(tx, region, kind, subject_id=user, version=version, now=now)


async def delete_user(tx: IdentityTx, user: UserId) -> bool:
    """Delete the row of a user who is leaving; everything that refers to it must be gone. False if they are not leaving."""
    mine = (users.c.user_id == user) & (users.c.state == UserState.LEAVING)
    return await tx.count(delete(users).where(mine)) == 1


async def raise_epoch(tx: IdentityTx, user: UserId, *, now: datetime) -> User:
    """Make every account token that was issued so far worthless, and tell the regions where the user is a member."""
    return await _update(tx, user, {"epoch": users.c.epoch + 1}, now)


async def set_mfa_enabled(tx: IdentityTx, user: UserId, *, has_factor: bool, now: datetime) -> User:
    """Note whether a user has a second factor, and tell the regions where they are a member."""
    return await _update(tx, user, {"mfa_enabled": has_factor, "modified_at": now}, now)


async def read_member_card(tx: DirectoryTx, user: UserId) -> MemberCard | None:
    """Read what a region may know of its member; None for somebody who is no user, or no more."""
    row = await tx.first(select(*_OF_A_CARD).where(users.c.user_id == user))
    if row is None:
        return None
    return MemberCard(
        user_id=user,
        name=row.name,
        email=row.email,
        locale=row.locale,
        time_zone=row.time_zone,
        mfa_enabled=row.mfa_enabled,
        epoch=row.epoch,
        version=row.version,
        absence=absence_of(UserState(row.state)),
    )


def user_of(row: Row[Any]) -> User:  # Any: a row that has, among others, every column of a user
    """Make a user of a row."""
    return User(
        id=UserId(row.user_id),
        email=row.email,
        email_key=row.email_key,
        name=row.name,
        locale=row.locale,
        time_zone=row.time_zone,
        state=UserState(row.state),
        epoch=row.epoch,
        version=row.version,
        created_at=row.created_at,
        modified_at=row.modified_at,
        address_since=row.address_since,
        mfa_enabled=row.mfa_enabled,
    )


async def _update(tx: IdentityTx, user: UserId, change: dict[str, Any], now: datetime) -> User:
    version = users.c.version + 1
    statement = (
        update(users).where(users.c.user_id == user).values(**change, version=version).returning(users)
    )
    changed = user_of((await tx.execute(statement)).one())
    for region in await list_regions_of(tx, user):
        await append_feed(tx, region, USER_CHANGED, subject_id=user, version=changed.version, now=now)
    return changed
