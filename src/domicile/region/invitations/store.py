"""Invitations and all their SQL."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    Update,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId, InvitationId, RoleId, UserId
from domicile.kernel.paging import Page, PageRequest
from domicile.kernel.permissions import AccountState, MemberState
from domicile.kernel.urn import Principal
from domicile.region.accounts.store import accounts
from domicile.region.api_keys.store import api_keys
from domicile.region.invitations.domain import Delivery, Invitation, InvitationState, Offered
from domicile.region.memberships.store import member_cards, memberships

invitations = Table(
    "invitations",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("invitation_id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("role_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by_kind", Text, nullable=False),
    Column("created_by_id", Text, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("last_sent_at", UtcTime),
    Column("sends", BigInteger, nullable=False),
    Column("token_hash", LargeBinary),
    Column("accepted_by", Text),
    Column("accepted_at", UtcTime),
    Column("version", BigInteger, nullable=False),
    Column("locale", Text),
    Column("delivery", Text, nullable=False, server_default=Delivery.MAIL),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index("ix_invitations_page", "account_id", "created_at", "invitation_id"),
    Index("uq_invitations_token_hash", "account_id", "token_hash", unique=True),
)
# A literal: with a parameter PostgreSQL finds the partial index for ON CONFLICT only while it plans each statement anew.
IS_INVITED = invitations.c.state == literal_column(f"'{InvitationState.INVITED}'")
Index(
    "uq_invitations_open",
    invitations.c.account_id,
    invitations.c.email_key,
    unique=True,
    sqlite_where=IS_INVITED,
    postgresql_where=IS_INVITED,
)

Index(
    "ix_invitations_open_to",
    invitations.c.email_key,
    sqlite_where=IS_INVITED,
    postgresql_where=IS_INVITED,
)

_SHOWN = (
    invitations.c.invitation_id,
    invitations.c.email,
    invitations.c.email_key,
    invitations.c.role_id,
    invitations.c.state,
    invitations.c.created_at,
    invitations.c.created_by_kind,
    invitations.c.created_by_id,
    invitations.c.modified_at,
    invitations.c.expires_at,
    invitations.c.last_sent_at,
    invitations.c.sends,
    invitations.c.version,
    invitations.c.locale,
    invitations.c.delivery,
)
OFFERED = (
    *_SHOWN,
    invitations.c.account_id,
    accounts.c.alias,
    accounts.c.locale.label("account_locale"),
    member_cards.c.name.label("inviter"),
    memberships.c.role_id.label("member_role"),
    memberships.c.state.label("member_state"),
    memberships.c.absence.label("member_absence"),
    api_keys.c.role_id.label("key_role"),
    api_keys.c.is_enabled.label("key_is_enabled"),
)
WITH_INVITERS = (
    invitations.join(accounts, invitations.c.account_id == accounts.c.account_id)
    .outerjoin(
        memberships,
        and_(
            invitations.c.account_id == memberships.c.account_id,
            invitations.c.created_by_kind == "user",
            invitations.c.created_by_id == memberships.c.user_id,
        ),
    )
    .outerjoin(
        member_cards,
        and_(
            memberships.c.account_id == member_cards.c.account_id,
            memberships.c.user_id == member_cards.c.user_id,
        ),
    )
    .outerjoin(
        api_keys,
        and_(
            invitations.c.account_id == api_keys.c.account_id,
            invitations.c.created_by_kind == "apikey",
            invitations.c.created_by_id == api_keys.c.key_id,
        ),
    )
)
_EXPIRE = (
    update(invitations)
    .where(
        invitations.c.account_id == bindparam("of_account"),
        invitations.c.email_key == bindparam("to_email"),
        IS_INVITED,
        invitations.c.expires_at <= bindparam("now"),
    )
    .values(state=InvitationState.EXPIRED)
)
_MADE_SINCE = select(func.count().label("made"), func.min(invitations.c.created_at).label("oldest")).where(
    invitations.c.account_id == bindparam("of_account"), invitations.c.created_at > bindparam("since")
)


async def insert_invitation(
    tx: RegionTx, account: AccountId, made: Invitation, *, token_hash: bytes | None
) -> bool:
    """Make an invitation, with its link if that is known already; False if there is an open one to the address.

    One that is open by its state but has expired gives up the place.
    """
    if await _insert_unless_open(tx, account, made, token_hash):
        return True
    freed = await tx.execute(
        _EXPIRE, {"of_account": account, "to_email": made.email_key, "now": made.created_at}
    )
    return freed.rowcount == 1 and await _insert_unless_open(tx, account, made, token_hash)


async def _insert_unless_open(
    tx: RegionTx, account: AccountId, made: Invitation, token_hash: bytes | None
) -> bool:
    row = {
        "account_id": account,
        "invitation_id": made.id,
        "email": made.email,
        "email_key": made.email_key,
        "role_id": made.role_id,
        "state": made.state,
        "created_at": made.created_at,
        "created_by_kind": made.created_by.kind,
        "created_by_id": made.created_by.id,
        "modified_at": made.modified_at,
        "expires_at": made.expires_at,
        "last_sent_at": made.last_sent_at,
        "sends": made.sends,
        "token_hash": token_hash,
        "accepted_by": None,
        "accepted_at": None,
        "version": made.version,
        "locale": made.locale,
        "delivery": made.delivery,
    }
    place = [invitations.c.account_id, invitations.c.email_key]
    unless_open = tx.insert(invitations).on_conflict_do_nothing(index_elements=place, index_where=IS_INVITED)
    return (await tx.execute(unless_open, row)).rowcount == 1


async def count_made_since(tx: RegionTx, account: AccountId, since: datetime) -> tuple[int, datetime | None]:
    """Count the invitations made after a moment, and give the time of the oldest of them."""
    row = (await tx.execute(_MADE_SINCE, {"of_account": account, "since": since})).one()
    return row.made, row.oldest


async def has_open(tx: RegionTx, account: AccountId, email_key: str, *, now: datetime) -> bool:
    """Tell whether an address has an open, unexpired invitation."""
    theirs = (invitations.c.account_id == account) & (invitations.c.email_key == email_key)
    found = select(invitations.c.invitation_id).where(theirs, IS_INVITED, invitations.c.expires_at > now)
    return await tx.first(found) is not None


async def find_invitation(tx: RegionTx, account: AccountId, invitation: InvitationId) -> Invitation | None:
    """Find an invitation of an account."""
    row = await tx.first(select(*_SHOWN).where(_is(account, invitation)))
    return _invitation(row) if row else None


async def find_offered(tx: RegionTx, account: AccountId, invitation: InvitationId) -> Offered | None:
    """Find an invitation with what is known of its account and of whoever made it."""
    row = await tx.first(select(*OFFERED).select_from(WITH_INVITERS).where(_is(account, invitation)))
    return read_offered(row) if row else None


async def find_offered_by_token(tx: RegionTx, account: AccountId, token_hash: bytes) -> Offered | None:
    """Find the invitation to which a link leads, whatever its state; None unless the account can be entered."""
    leads_here = (invitations.c.account_id == account) & (invitations.c.token_hash == token_hash)
    query = select(*OFFERED).select_from(WITH_INVITERS)
    row = await tx.first(query.where(leads_here, account_is_active()))
    return read_offered(row) if row else None


async def list_invitations(
    tx: RegionTx, account: AccountId, page: PageRequest, *, state: InvitationState | None, now: datetime
) -> Page[Invitation]:
    """List an account's invitations in the order in which they were made, with their states as of `now`."""
    query = select(*_SHOWN).where(invitations.c.account_id == account)
    if state is not None:
        query = query.where(_seen_as(state, now))
    if page.after is not None:
        after = tuple_(datetime.fromisoformat(page.after[0]), page.after[1])
        query = query.where(tuple_(invitations.c.created_at, invitations.c.invitation_id) > after)
    query = query.order_by(invitations.c.created_at, invitations.c.invitation_id).limit(page.limit + 1)
    found = [_invitation(row).as_of(now) for row in await tx.all(query)]
    shown = tuple(found[: page.limit])
    more = len(found) > page.limit
    return Page(shown, (shown[-1].created_at.isoformat(), shown[-1].id) if more else None)


async def list_offers_of_role(
    tx: RegionTx, account: AccountId, role: RoleId, *, at_most: int
) -> tuple[InvitationId, ...]:
    """List invitations that offer a role and are open, or have run out and can be sent again."""
    offers = (invitations.c.account_id == account) & (invitations.c.role_id == role) & IS_INVITED
    query = select(invitations.c.invitation_id).where(offers).order_by(invitations.c.invitation_id)
    return tuple(InvitationId(row.invitation_id) for row in await tx.all(query.limit(at_most)))


async def update_role(
    tx: RegionTx, account: AccountId, invitation: InvitationId, role: RoleId, *, now: datetime
) -> Invitation | None:
    """Offer another role; None unless the invitation is open."""
    return await _change_open(tx, account, invitation, now=now, values={"role_id": role})


async def revoke(
    tx: RegionTx, account: AccountId, invitation: InvitationId, *, now: datetime
) -> Invitation | None:
    """Take an offer back; None unless the invitation is open."""
    return await _change_open(tx, account, invitation, now=now, values={"state": InvitationState.REVOKED})


async def renew(
    tx: RegionTx,
    account: AccountId,
    invitation: InvitationId,
    *,
    delivery: Delivery,
    token_hash: bytes | None,
    expires_at: datetime,
    now: datetime,
) -> Invitation | None:
    """Prolong an offer and end its present link, for another one if that is known already; None unless the invitation is open."""
    values: dict[str, object] = {
        "expires_at": expires_at,
        "token_hash": token_hash,
        "sends": invitations.c.sends + 1,
        "delivery": delivery,
    }
    if token_hash is not None:
        values["last_sent_at"] = now
    return await _change_open(tx, account, invitation, now=now, values=values)


async def _change_open(
    tx: RegionTx, account: AccountId, invitation: InvitationId, *, now: datetime, values: Mapping[str, object]
) -> Invitation | None:
    change = update(invitations).where(_is(account, invitation), IS_INVITED)
    return await change_one(tx, change.values(**values, modified_at=now, version=invitations.c.version + 1))


async def set_link(
    tx: RegionTx,
    account: AccountId,
    invitation: InvitationId,
    *,
    token_hash: bytes,
    sends: int,
    now: datetime,
) -> Invitation | None:
    """Give an open, unexpired invitation its link; None if it is not that, or if its mail was asked for again since.

    The version stays: a mail that leaves is no change that anybody could overwrite.
    """
    is_wanted = (
        is_open(account, now) & (invitations.c.invitation_id == invitation) & (invitations.c.sends == sends)
    )
    change = update(invitations).where(is_wanted)
    return await change_one(tx, change.values(token_hash=token_hash, last_sent_at=now))


async def change_one(tx: RegionTx, change: Update) -> Invitation | None:
    """Run a change of at most one invitation, and give it as it is then; None if it was not to be changed."""
    row = (await tx.execute(change.returning(*_SHOWN))).first()
    return _invitation(row) if row else None


def _is(account: AccountId, invitation: InvitationId) -> ColumnElement[bool]:
    return (invitations.c.account_id == account) & (invitations.c.invitation_id == invitation)


def is_open(account: AccountId, now: datetime) -> ColumnElement[bool]:
    """Choose what can be accepted in an account that can be entered."""
    is_current = (invitations.c.account_id == account) & IS_INVITED & (invitations.c.expires_at > now)
    active = exists().where(accounts.c.account_id == account, account_is_active())
    return is_current & active


def account_is_active() -> ColumnElement[bool]:
    """Choose what lies in an account that can be entered."""
    return accounts.c.state == AccountState.ACTIVE


def _seen_as(state: InvitationState, now: datetime) -> ColumnElement[bool]:
    match state:
        case InvitationState.INVITED:
            return and_(IS_INVITED, invitations.c.expires_at > now)
        case InvitationState.EXPIRED:
            return or_(invitations.c.state == state, and_(IS_INVITED, invitations.c.expires_at <= now))
        case InvitationState.ACCEPTED | InvitationState.REVOKED | InvitationState.DECLINED:
            return invitations.c.state == state


async def list_made_by(tx: RegionTx, account: AccountId, user: UserId) -> tuple[Invitation, ...]:
    """List the invitations of an account that a user made, in the order in which they were made."""
    theirs = (invitations.c.created_by_kind == "user") & (invitations.c.created_by_id == user)
    query = select(*_SHOWN).where(invitations.c.account_id == account, theirs)
    rows = await tx.all(query.order_by(invitations.c.created_at, invitations.c.invitation_id))
    return tuple(_invitation(row) for row in rows)


async def list_made_to(
    tx: RegionTx, email_key: str, user: UserId, *, since: datetime | None
) -> tuple[tuple[AccountId, Invitation], ...]:
    """List the invitations of all accounts to a user's address, and those that they accepted at another, with their accounts.

    `since`: what was made by then was for a former owner of the address.
    """
    to_them = invitations.c.email_key == email_key
    if since is not None:
        to_them &= invitations.c.created_at > since
    theirs = to_them | (invitations.c.accepted_by == user)
    query = select(invitations.c.account_id, *_SHOWN).where(theirs)
    rows = await tx.all(query.order_by(invitations.c.account_id, invitations.c.created_at))
    return tuple((AccountId(row.account_id), _invitation(row)) for row in rows)


def _invitation(row: Row[tuple[object, ...]]) -> Invitation:
    return Invitation(
        id=InvitationId(row.invitation_id),
        email=row.email,
        email_key=row.email_key,
        role_id=RoleId(row.role_id),
        state=InvitationState(row.state),
        created_at=row.created_at,
        created_by=Principal(row.created_by_kind, row.created_by_id),
        modified_at=row.modified_at,
        expires_at=row.expires_at,
        last_sent_at=row.last_sent_at,
        sends=row.sends,
        version=row.version,
        locale=row.locale,
        delivery=Delivery(row.delivery),
    )


def read_offered(row: Row[tuple[object, ...]]) -> Offered:
    """Read what is stored of an offer; a key that expired by plan leaves its offers standing, one that was locked or deleted does not."""
    is_there = row.member_state == MemberState.ENABLED and row.member_absence is None
    held = row.member_role if is_there else None
    held = row.key_role if row.key_is_enabled else held
    return Offered(
        account_id=AccountId(row.account_id),
        invitation=_invitation(row),
        alias=row.alias,
        locale=row.account_locale,
        inviter=row.inviter,
        held=RoleId(held) if held is not None else None,
    )
