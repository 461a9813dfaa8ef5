"""The one query that loads a user's place in an account."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from domicile.infra.databases import RegionTx
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.permissions import Absence, AccountStanding, AccountState, MemberState
from domicile.region.accounts.store import accounts
from domicile.region.memberships.store import member_cards, memberships


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """A membership with its account's state and the person's card."""

    account_state: AccountState
    mfa_required: bool
    """By the account."""
    purge_after: datetime | None
    state: MemberState
    role_id: RoleId
    epoch: int
    mfa_enabled: bool
    name: str
    email: str
    absence: Absence | None


async def find_member_record(tx: RegionTx, account: AccountId, user: UserId) -> MemberRecord | None:
    """Find a user's place in an account; None where there is no such account or no membership in force."""
    card_is_theirs = and_(
        memberships.c.account_id == member_cards.c.account_id, memberships.c.user_id == member_cards.c.user_id
    )
    query = (
        select(
            accounts.c.state.label("account_state"),
            accounts.c.mfa_required,
            accounts.c.purge_after,
            memberships.c.state,
            memberships.c.role_id,
            member_cards.c.epoch,
            member_cards.c.mfa_enabled,
            member_cards.c.name,
            member_cards.c.email,
            memberships.c.absence,
        )
        .join(memberships, memberships.c.account_id == accounts.c.account_id)
        .join(member_cards, card_is_theirs)
        .where(_is_there(account), memberships.c.user_id == user)
    )
    row = await tx.first(query)
    if row is None:
        return None
    return MemberRecord(
        AccountState(row.account_state),
        row.mfa_required,
        row.purge_after,
        MemberState(row.state),
        RoleId(row.role_id),
        row.epoch,
        row.mfa_enabled,
        row.name,
        row.email,
        Absence(row.absence) if row.absence else None,
    )


async def find_account_standing(tx: RegionTx, account: AccountId) -> AccountStanding | None:
    """Find what a decision needs to know of an account; None if it is not there."""
    query = select(accounts.c.state, accounts.c.mfa_required, accounts.c.purge_after)
    row = await tx.first(query.where(_is_there(account)))
    if row is None:
        return None
    return AccountStanding(account, tx.region, AccountState(row.state), row.mfa_required, row.purge_after)


def _is_there(account: AccountId) -> ColumnElement[bool]:
    # An account whose purge has begun is to everybody as one that never was.
    return (accounts.c.account_id == account) & (accounts.c.state != AccountState.PURGING)
