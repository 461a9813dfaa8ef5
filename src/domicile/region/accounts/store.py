"""Accounts and all their SQL; there is no column for the region, because the database is the region."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, Index, Row, Table, Text, select, update

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, UtcTime
from domicile.kernel.ids import AccountId, ReceiptId, UserId
from domicile.kernel.permissions import AccountState
from domicile.region.accounts.domain import Account, AccountChange, NewAccount, Suspension
from domicile.region.memberships.store import has_owner_with_factor

accounts = Table(
    "accounts",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("mfa_required", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("entitled_at", UtcTime, nullable=False),
    Column("suspended_at", UtcTime),
    Column("purge_after", UtcTime),
    Column("warned_days", BigInteger),
    Column("receipt_id", Text),
    Column("version", BigInteger, nullable=False),
    Index("ix_accounts_purge_after", "purge_after"),
)


async def list_there(tx: RegionTx, ids: Collection[AccountId]) -> frozenset[AccountId]:
    """Tell which of some accounts are in the region, suspended or not, and not being purged."""
    there = accounts.c.account_id.in_(sorted(ids)) & (accounts.c.state != AccountState.PURGING)
    return frozenset(
        AccountId(row.account_id) for row in await tx.all(select(accounts.c.account_id).where(there))
    )


async def insert_account(
    tx: RegionTx, account: AccountId, new: NewAccount, *, creator: UserId, version: int, now: datetime
) -> None:
    """Make an account in this region."""
    await tx.execute(
        tx.insert(accounts).values(
            account_id=account,
            alias=new.alias,
            locale=new.locale,
            time_zone=new.time_zone,
            state=AccountState.ACTIVE,
            mfa_required=False,
            created_at=now,
            created_by=creator,
            modified_at=now,
            entitled_at=now,
            suspended_at=None,
            purge_after=None,
            warned_days=None,
            receipt_id=None,
            version=version,
        )
    )


async def find_account(tx: RegionTx, account: AccountId) -> Account | None:
    """Find an account of this region."""
    row = await tx.first(select(accounts).where(accounts.c.account_id == account))
    return _account(row) if row else None


async def update_account(
    tx: RegionTx, account: AccountId, change: AccountChange, *, version: int, now: datetime
) -> None:
    """Change what may change of an account but the second factor, which has a statement of its own."""
    wanted = {"alias": change.alias, "locale": change.locale, "time_zone": change.time_zone}
    values = {name: value for name, value in wanted.items() if value is not None}
    await tx.execute(
        update(accounts)
        .where(accounts.c.account_id == account)
        .values(**values, version=version, modified_at=now)
    )


async def set_mfa_required(
    tx: RegionTx, account: AccountId, *, is_required: bool, proven: UserId | None
) -> bool:
    """Say whether an account asks for a second factor; False, and nothing changed, if no owner could use one.

    One statement: the condition and the change cannot be parted by another change. `proven` has used a factor just now, whatever
    their card says.
    """
    target = accounts.c.account_id == account
    allowed = target & has_owner_with_factor(account, proven) if is_required else target
    return await tx.count(update(accounts).where(allowed).values(mfa_required=is_required)) == 1


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        id=AccountId(row.account_id),
        alias=row.alias,
        locale=row.locale,
        time_zone=row.time_zone,
        state=AccountState(row.state),
        mfa_required=row.mfa_required,
        created_at=row.created_at,
        modified_at=row.modified_at,
        entitled_at=row.entitled_at,
        suspension=_suspension(row),
        version=row.version,
    )


def _suspension(row: Row[tuple[object, ...]]) -> Suspension | None:
    if row.suspended_at is None:
        return None
    return Suspension(row.suspended_at, row.purge_after, ReceiptId(row.receipt_id))
