"""The queries of the roster, each for a whole page; it has no tables of its own."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.permissions import MemberState
from domicile.kernel.urn import Principal
from domicile.region.accounts.store import accounts
from domicile.region.api_keys.store import api_keys
from domicile.region.invitations.domain import InvitationState
from domicile.region.invitations.store import invitations
from domicile.region.memberships.store import member_cards, memberships


@dataclass(frozen=True, slots=True)
class Known:
    """A user or key of the account: its name, and the role by which it can still give something."""

    name: str
    role_id: RoleId | None
    """None: disabled or locked."""


@dataclass(frozen=True, slots=True)
class Card:
    """By what a user is known."""

    name: str
    email: str


async def find_creator(tx: RegionTx, account: AccountId) -> UserId | None:
    """Find who made an account."""
    row = await tx.first(select(accounts.c.created_by).where(accounts.c.account_id == account))
    return UserId(row.created_by) if row else None


async def list_inviters(
    tx: RegionTx, account: AccountId, users: Collection[UserId]
) -> dict[UserId, Principal]:
    """List who invited each of the users; who joined more than once counts from the last time."""
    accepted = (invitations.c.account_id == account) & invitations.c.accepted_by.in_(users)
    query = select(
        invitations.c.accepted_by, invitations.c.created_by_kind, invitations.c.created_by_id
    ).where(accepted, invitations.c.state == InvitationState.ACCEPTED)
    rows = await tx.all(query.order_by(invitations.c.accepted_at))
    return {UserId(row.accepted_by): Principal(row.created_by_kind, row.created_by_id) for row in rows}


async def list_known(tx: RegionTx, account: AccountId, ids: Collection[str]) -> dict[str, Known]:
    """List those of the users and keys that are in the account."""
    if not ids:
        return {}
    theirs = (member_cards.c.account_id == memberships.c.account_id) & (
        member_cards.c.user_id == memberships.c.user_id
    )
    people = (
        select(
            memberships.c.user_id,
            memberships.c.role_id,
            memberships.c.state,
            memberships.c.absence,
            member_cards.c.name,
        )
        .join(member_cards, theirs)
        .where(memberships.c.account_id == account, memberships.c.user_id.in_(ids))
    )
    keys = select(api_keys.c.key_id, api_keys.c.role_id, api_keys.c.is_enabled, api_keys.c.alias).where(
        api_keys.c.account_id == account, api_keys.c.key_id.in_(ids)
    )
    known: dict[str, Known] = {}
    for row in await tx.all(people):
        is_there = row.state == MemberState.ENABLED and row.absence is None
        held = RoleId(row.role_id) if is_there else None
        known[row.user_id] = Known(row.name, held)
    for row in await tx.all(keys):
        known[row.key_id] = Known(row.alias, RoleId(row.role_id) if row.is_enabled else None)
    return known


async def list_cards(tx: RegionTx, account: AccountId) -> dict[str, Card]:
    """List by what every user of an account is known."""
    query = select(member_cards.c.user_id, member_cards.c.name, member_cards.c.email)
    rows = await tx.all(query.where(member_cards.c.account_id == account))
    return {row.user_id: Card(row.name, row.email) for row in rows}
