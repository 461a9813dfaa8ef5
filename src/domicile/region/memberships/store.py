"""Memberships, member cards and all their SQL."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Row,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.callers import MemberCard
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import Absence, MemberState
from domicile.kernel.roles import FULL_ACCESS
from domicile.region.memberships.domain import Member, Place

memberships = Table(
    "memberships",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("role_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("last_activity_at", UtcTime),
    Column("version", BigInteger, nullable=False),
    Column("absence", Text),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index("ix_memberships_page", "account_id", "created_at", "user_id"),
    Index("ix_memberships_user_id", "user_id"),
)

member_cards = Table(
    "member_cards",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("mfa_enabled", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("card_version", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_id", "user_id"], ["memberships.account_id", "memberships.user_id"]),
    Index("ix_member_cards_user_id", "user_id"),
)

_others = memberships.alias("others")
_MEMBER = (
    memberships.c.user_id,
    member_cards.c.name,
    member_cards.c.email,
    member_cards.c.locale,
    member_cards.c.time_zone,
    member_cards.c.mfa_enabled,
    member_cards.c.epoch,
    memberships.c.role_id,
    memberships.c.state,
    memberships.c.created_at,
    memberships.c.modified_at,
    memberships.c.last_activity_at,
    memberships.c.version,
    memberships.c.absence,
    member_cards.c.card_version,
)
_JOINED = memberships.join(
    member_cards,
    and_(
        memberships.c.account_id == member_cards.c.account_id, memberships.c.user_id == member_cards.c.user_id
    ),
)
_WITH_EMAIL = (
    select(member_cards.c.user_id)
    .where(
        member_cards.c.account_id == bindparam("account_id"),
        func.lower(member_cards.c.email).in_([bindparam("spelling_0"), bindparam("spelling_1")]),
    )
    .limit(1)
)


async def insert_member(
    tx: RegionTx, account: AccountId, card: MemberCard, *, role: RoleId, version: int, now: datetime
) -> bool:
    """Make a person a member; False if they are one already, in whatever state. A former member starts afresh."""
    values = {
        "role_id": role,
        "state": MemberState.ENABLED,
        "created_at": now,
        "modified_at": now,
        "version": version,
        "absence": card.absence,
    }
    row = tx.insert(memberships).values(
        account_id=account, user_id=card.user_id, last_activity_at=None, **values
    )
    joined = await tx.execute(
        row.on_conflict_do_update(
            index_elements=[memberships.c.account_id, memberships.c.user_id],
            set_=values | {"last_activity_at": None},
            where=memberships.c.state == MemberState.REMOVED,
        )
    )
    if joined.rowcount != 1:
        return False
    await tx.execute(tx.insert(member_cards).values(account_id=account, **_card_values(card)))
    return True


def _card_values(card: MemberCard) -> dict[str, object]:
    return {
        "user_id": card.user_id,
        "name": card.name,
        "email": card.email,
        "locale": card.locale,
        "time_zone": card.time_zone,
        "mfa_enabled": card.mfa_enabled,
        "epoch": card.epoch,
        "card_version": card.version,
    }


async def renew_cards(tx: RegionTx, card: MemberCard) -> tuple[tuple[AccountId, bool], ...]:
    """Bring every card of a person in this region up to a version.

    Gives the accounts where that changed something, each with whether the sign-ins from before no longer count.
    """
    older = (member_cards.c.user_id == card.user_id) & (member_cards.c.card_version < card.version)
    found = await tx.all(select(member_cards.c.account_id, member_cards.c.epoch).where(older))
    await tx.execute(update(member_cards).where(older).values(_card_values(card)))
    return tuple((AccountId(row.account_id), row.epoch < card.epoch) for row in found)


async def set_absence(tx: RegionTx, user: UserId, absence: Absence | None) -> tuple[AccountId, ...]:
    """Say of all places of a person whether they count; gives the accounts where that changed something."""
    other = memberships.c.absence.is_distinct_from(absence)
    mine = (memberships.c.user_id == user) & (memberships.c.state != MemberState.REMOVED)
    changed = await tx.all(
        update(memberships).where(mine, other).values(absence=absence).returning(memberships.c.account_id)
    )
    return tuple(AccountId(row.account_id) for row in changed)


async def list_places(tx: RegionTx, user: UserId) -> tuple[Place, ...]:
    """List every place that a person has or had in the accounts of this region."""
    query = (
        select(memberships.c.account_id, memberships.c.state, memberships.c.role_id, member_cards.c.email)
        .select_from(
            memberships.outerjoin(
                member_cards,
                and_(
                    memberships.c.account_id == member_cards.c.account_id,
                    memberships.c.user_id == member_cards.c.user_id,
                ),
            )
        )
        .where(memberships.c.user_id == user)
        .order_by(memberships.c.account_id)
    )
    return tuple(
        Place(AccountId(row.account_id), MemberState(row.state), RoleId(row.role_id), row.email)
        for row in await tx.all(query)
    )


async def list_solely_owned(tx: RegionTx, user: UserId) -> tuple[AccountId, ...]:
    """List the accounts of this region, suspended ones too, that a person's departure would leave without an owner."""
    mine = (memberships.c.user_id == user) & _is_owner()
    another = exists().where(
        _others.c.account_id == memberships.c.account_id,
        _others.c.user_id != user,
        _others.c.role_id == FULL_ACCESS,
        _others.c.state == MemberState.ENABLED,
        _others.c.absence.is_(None),
    )
    query = select(memberships.c.account_id).where(mine, ~another).order_by(memberships.c.account_id)
    return tuple(AccountId(row.account_id) for row in await tx.all(query))


async def end_place(tx: RegionTx, account: AccountId, user: UserId, *, version: int, now: datetime) -> None:
    """End the membership of somebody who is gone, whoever else is there, keeping its id and version and forgetting the person."""
    target = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    ended = {"state": MemberState.REMOVED, "version": version, "modified_at": now, "absence": None}
    await tx.execute(update(memberships).where(target).values(ended))
    card = (member_cards.c.account_id == account) & (member_cards.c.user_id == user)
    await tx.execute(delete(member_cards).where(card))


async def find_member(tx: RegionTx, account: AccountId, user: UserId) -> Member | None:
    """Find a user of an account; removed ones are not there."""
    mine = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    row = await tx.first(select(*_MEMBER).select_from(_JOINED).where(mine))
    return _member(row) if row else None


async def name_members(tx: RegionTx, account: AccountId, users: Collection[UserId]) -> dict[UserId, str]:
    """Give the names of users of an account; removed ones are not there."""
    mine = (member_cards.c.account_id == account) & member_cards.c.user_id.in_(sorted(users))
    rows = await tx.all(select(member_cards.c.user_id, member_cards.c.name).where(mine))
    return {UserId(row.user_id): row.name for row in rows}


async def has_member_with_email(tx: RegionTx, account: AccountId, spellings: tuple[str, str]) -> bool:
    """Tell whether a user of the account has the address, given in both forms in which a card may hold it."""
    asked = {f"spelling_{n}": spelling.lower() for n, spelling in enumerate(spellings)}
    return await tx.first(_WITH_EMAIL, {"account_id": account, **asked}) is not None


async def list_members(
    tx: RegionTx, account: AccountId, page: PageRequest, *, role: RoleId | None
) -> Page[Member]:
    """List the users of an account in the order in which they joined."""
    query = select(*_MEMBER).select_from(_JOINED).where(memberships.c.account_id == account)
    if role is not None:
        query = query.where(memberships.c.role_id == role)
    if page.after is not None:
        after = tuple_(datetime.fromisoformat(page.after[0]), page.after[1])
        query = query.where(tuple_(memberships.c.created_at, memberships.c.user_id) > after)
    query = query.order_by(memberships.c.created_at, memberships.c.user_id).limit(page.limit + 1)
    found = [_member(row) for row in await tx.all(query)]
    shown = tuple(found[: page.limit])
    more = len(found) > page.limit
    return Page(shown, (shown[-1].created_at.isoformat(), shown[-1].user_id) if more else None)


async def list_holders(tx: RegionTx, account: AccountId, role: RoleId, *, at_most: int) -> tuple[UserId, ...]:
    """List users of an account who hold a role, disabled ones too."""
    holds = (memberships.c.account_id == account) & (memberships.c.role_id == role)
    query = select(memberships.c.user_id).where(holds, memberships.c.state != MemberState.REMOVED)
    return tuple(
        UserId(row.user_id) for row in await tx.all(query.order_by(memberships.c.user_id).limit(at_most))
    )


async def update_member(
    tx: RegionTx,
    account: AccountId,
    user: UserId,
    *,
    role: RoleId,
    state: MemberState,
    version: int,
    now: datetime,
) -> bool:
    """Set role and state of a user; False, and nothing changed, if the account would be left without an owner.

    One statement: the condition and the change cannot be parted by another change.
    """
    target = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    stays_owned = role == FULL_ACCESS and state is MemberState.ENABLED
    allowed = target if stays_owned else target & or_(~_is_owner(), _another_owner(account, user))
    change = update(memberships).where(allowed)
    return await tx.count(change.values(role_id=role, state=state, version=version, modified_at=now)) == 1


async def end_membership(
    tx: RegionTx, account: AccountId, user: UserId, *, version: int, now: datetime
) -> bool:
    """End a membership, keeping its id and version and forgetting the person; False if the account would be left ownerless."""
    target = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    allowed = target & or_(~_is_owner(), _another_owner(account, user))
    change = update(memberships).where(allowed)
    ended = await tx.count(change.values(state=MemberState.REMOVED, version=version, modified_at=now))
    if ended == 1:
        card = (member_cards.c.account_id == account) & (member_cards.c.user_id == user)
        await tx.execute(delete(member_cards).where(card))
    return ended == 1


def _is_owner() -> ColumnElement[bool]:
    is_enabled = (memberships.c.state == MemberState.ENABLED) & memberships.c.absence.is_(None)
    return (memberships.c.role_id == FULL_ACCESS) & is_enabled


def _another_owner(account: AccountId, user: UserId) -> ColumnElement[bool]:
    return exists().where(
        _others.c.account_id == account,
        _others.c.user_id != user,
        _others.c.role_id == FULL_ACCESS,
        _others.c.state == MemberState.ENABLED,
        _others.c.absence.is_(None),
    )


def has_owner_with_factor(account: AccountId, proven: UserId | None) -> ColumnElement[bool]:
    """Ask, in another statement, whether an owner of the account has a second factor; `proven` has, if they are one."""
    has_one = or_(member_cards.c.mfa_enabled, member_cards.c.user_id == (proven or ""))
    theirs = and_(
        member_cards.c.account_id == memberships.c.account_id, member_cards.c.user_id == memberships.c.user_id
    )
    owners = _is_owner() & (memberships.c.account_id == account)
    return exists().select_from(memberships.join(member_cards, theirs)).where(owners, has_one)


async def find_index_state(tx: RegionTx, account: AccountId, user: UserId) -> tuple[str, RoleId, int] | None:
    """Find what the directory may know of a membership: state, role, version; removed ones included."""
    mine = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    row = await tx.first(
        select(memberships.c.state, memberships.c.role_id, memberships.c.version).where(mine)
    )
    return (row.state, RoleId(row.role_id), row.version) if row else None


async def note_activity(tx: RegionTx, account: AccountId, user: UserId, at: datetime) -> None:
    """Remember when a user was last active; an earlier moment than the one held changes nothing."""
    mine = (memberships.c.account_id == account) & (memberships.c.user_id == user)
    earlier = or_(memberships.c.last_activity_at.is_(None), memberships.c.last_activity_at < at)
    await tx.execute(update(memberships).where(mine, earlier).values(last_activity_at=at))


def _member(row: Row[tuple[object, ...]]) -> Member:
    return Member(
        user_id=UserId(row.user_id),
        name=row.name,
        email=row.email,
        locale=row.locale,
        time_zone=row.time_zone,
        mfa_enabled=row.mfa_enabled,
        epoch=row.epoch,
        role_id=RoleId(row.role_id),
        state=MemberState(row.state),
        created_at=row.created_at,
        modified_at=row.modified_at,
        last_activity_at=row.last_activity_at,
        version=row.version,
        card_version=row.card_version,
        absence=Absence(row.absence) if row.absence else None,
    )
