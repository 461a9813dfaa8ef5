"""Account entries and all their SQL; no statement here changes the region of an entry."""

from dataclasses import asdict, dataclass
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
    Column("purge_after", UtcTime),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("creator_id", Text, nullable=False),
    Column("request_key", LargeBinary),
    Column("request_digest", LargeBinary),
    Index("uq_directory_accounts_request", "creator_id", "request_key", unique=True),
)

RESERVED = "reserved"
"""State of an id that was given out and whose account is not, or never, complete; nobody sees it."""
PURGED = "purged"
"""State of an id whose account was deleted for good; kept so that it is never given out again."""


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
            purge_after=None,
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


@dataclass(frozen=True, slots=True)
class EntryState:
    """What the directory is told of an account."""

    state: str
    alias: str | None
    """None: the region keeps it to itself."""
    purge_after: datetime | None
    version: int


async def upsert_state(tx: DirectoryTx, account: AccountId, region: RegionId, wanted: EntryState) -> None:
    """Bring an entry up to a version of the account; an older version than the one held changes nothing.

    Only the entry's own region may do so: the region is part of the condition, never of the change. LookupError if the region has no
    such entry, as after the directory was restored from an old backup.
    """
    mine = (accounts.c.account_id == account) & (accounts.c.region_id == region)
    older = update(accounts).where(mine, accounts.c.version < wanted.version)
    if await tx.count(older.values(asdict(wanted))) == 1:
        return
    if await tx.first(select(accounts.c.version).where(mine)) is None:
        raise LookupError("the directory has no entry of this account in this region")


async def is_purged(tx: DirectoryTx, account: AccountId) -> bool:
    """Tell whether an account was deleted for good."""
    row = await tx.first(select(accounts.c.state).where(accounts.c.account_id == account))
    return row is not None and row.state == PURGED


async def bury(tx: DirectoryTx, account: AccountId, region: RegionId, *, version: int) -> None:
    """Leave of an entry the id, its region and when it was given out; doing it again changes nothing."""
    mine = (accounts.c.account_id == account) & (accounts.c.region_id == region)
    nothing = {"alias": None, "purge_after": None, "request_key": None, "request_digest": None}
    change = update(accounts).where(mine, accounts.c.version < version)
    await tx.execute(change.values(state=PURGED, creator_id="", version=version, **nothing))


REQUEST_MEMORY = timedelta(hours=24)
"""How long a creation is recognised when it is repeated."""
