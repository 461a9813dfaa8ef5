"""Account entries and all their SQL; no statement here changes the region of an entry."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, select, update

from domicile.infra.databases import DirectoryTx
from domicile.infra.planes import DIRECTORY, UtcTime
from domicile.kernel.ids import AccountId, RegionId, UserId

accounts = Table(
    "directory_accounts",
    DIRECTORY,
    Column("account_id", Text, primary_key=True),
    Column("region_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("alias", Text),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("creator_id", Text, nullable=False),
    Column("request_key", LargeBinary),
    Column("request_digest", LargeBinary),
    Index("uq_directory_accounts_request", "creator_id", "request_key", unique=True),
)

RESERVED = "reserved"
"""State of an id that was given out and whose account is not, or never, complete; nobody sees it."""


@dataclass(frozen=True, slots=True)
class RequestMark:
    """Fingerprints by which a repeated creation is recognised: of the person's idempotency key, and of the body."""

    key: bytes
    digest: bytes


async def reserve_id(
    tx: DirectoryTx,
    account: AccountId,
    region: RegionId,
    *,
    creator: UserId,
    now: datetime,
    mark: RequestMark | None,
) -> bool:
    """Give an account id out, for ever; False if it was given out before, or if the same request did so."""
    made = await tx.execute(
        tx.insert(accounts)
        .values(
            account_id=account,
            region_id=region,
            state=RESERVED,
            alias=None,
            version=0,
            created_at=now,
            creator_id=creator,
            request_key=mark.key if mark else None,
            request_digest=mark.digest if mark else None,
        )
        .on_conflict_do_nothing()
    )
    return made.rowcount == 1


async def find_by_request(
    tx: DirectoryTx, creator: UserId, mark: RequestMark
) -> tuple[AccountId, bytes] | None:
    """Find the id that a request was given, with the fingerprint of that request's body."""
    mine = (accounts.c.creator_id == creator) & (accounts.c.request_key == mark.key)
    row = await tx.first(select(accounts.c.account_id, accounts.c.request_digest).where(mine))
    return (AccountId(row.account_id), row.request_digest) if row else None


async def forget_request(tx: DirectoryTx, creator: UserId, mark: RequestMark, *, before: datetime) -> None:
    """Forget that a request older than `before` carried this key, so that the key may be used afresh."""
    old = (
        (accounts.c.creator_id == creator)
        & (accounts.c.request_key == mark.key)
        & (accounts.c.created_at < before)
    )
    await tx.execute(update(accounts).where(old).values(request_key=None, request_digest=None))


async def forget_requests(tx: DirectoryTx, region: RegionId, *, before: datetime) -> int:
    """Forget the keys of a region's creations that are older than `before`; tells how many."""
    old = (
        (accounts.c.region_id == region)
        & (accounts.c.created_at < before)
        & accounts.c.request_key.is_not(None)
    )
    return await tx.count(update(accounts).where(old).values(request_key=None, request_digest=None))


async def upsert_state(
    tx: DirectoryTx, account: AccountId, region: RegionId, *, state: str, alias: str | None, version: int
) -> None:
    """Bring an entry up to a version of the account; an older version than the one held changes nothing.

    Only the entry's own region may do so: the region is part of the condition, never of the change. LookupError if the region has no
    such entry, as after the directory was restored from an old backup.
    """
    mine = (accounts.c.account_id == account) & (accounts.c.region_id == region)
    older = update(accounts).where(mine, accounts.c.version < version)
    if await tx.count(older.values(state=state, alias=alias, version=version)) == 1:
        return
    if await tx.first(select(accounts.c.version).where(mine)) is None:
        raise LookupError("the directory has no entry of this account in this region")


REQUEST_MEMORY = timedelta(hours=24)
"""How long a creation is recognised when it is repeated."""
