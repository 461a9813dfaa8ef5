"""API keys and all their SQL; of a secret only its keyed hash is kept."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Row,
    Table,
    Text,
    delete,
    or_,
    select,
    tuple_,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId, ApiKeyId, RoleId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.api_keys.domain import ApiKey, KeyRecord, networks_of

api_keys = Table(
    "api_keys",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("role_id", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("allowed_ips", OpaqueJson, nullable=False),
    Column("allowed_cidrs", OpaqueJson, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("expires_at", UtcTime),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("former_secret_hash", LargeBinary),
    Column("former_until", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    Column("last_activity_at", UtcTime),
    Column("version", BigInteger, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index("uq_api_keys_key_id", "key_id", unique=True),
    Index("ix_api_keys_page", "account_id", "created_at", "key_id"),
)

_KEY = (
    api_keys.c.key_id,
    api_keys.c.alias,
    api_keys.c.description,
    api_keys.c.role_id,
    api_keys.c.locale,
    api_keys.c.time_zone,
    api_keys.c.allowed_ips,
    api_keys.c.allowed_cidrs,
    api_keys.c.is_enabled,
    api_keys.c.expires_at,
    api_keys.c.created_at,
    api_keys.c.created_by,
    api_keys.c.modified_at,
    api_keys.c.last_activity_at,
    api_keys.c.version,
)
_RECORD = (
    api_keys.c.account_id,
    api_keys.c.alias,
    api_keys.c.role_id,
    api_keys.c.is_enabled,
    api_keys.c.expires_at,
    api_keys.c.allowed_ips,
    api_keys.c.allowed_cidrs,
    api_keys.c.secret_hash,
    api_keys.c.former_secret_hash,
    api_keys.c.former_until,
)


async def insert_key(tx: RegionTx, account: AccountId, key: ApiKey, *, secret_hash: bytes) -> None:
    """Make a key of an account."""
    row = {
        "account_id": account,
        "key_id": key.id,
        "created_at": key.created_at,
        "created_by": key.created_by,
    }
    await tx.execute(tx.insert(api_keys).values(**row, secret_hash=secret_hash, **_changeable(key)))


async def find_key(tx: RegionTx, account: AccountId, key: ApiKeyId) -> ApiKey | None:
    """Find a key of an account."""
    row = await tx.first(select(*_KEY).where(_is(account, key)))
    return _api_key(row) if row else None


async def list_keys_by(tx: RegionTx, account: AccountId, creator: str) -> tuple[ApiKey, ...]:
    """List the keys of an account that one principal made."""
    theirs = (api_keys.c.account_id == account) & (api_keys.c.created_by == creator)
    rows = await tx.all(select(*_KEY).where(theirs).order_by(api_keys.c.created_at, api_keys.c.key_id))
    return tuple(_api_key(row) for row in rows)


async def find_key_standing(tx: RegionTx, key: ApiKeyId) -> KeyRecord | None:
    """Find a key by its id alone, in whichever account of the region: who calls is not known before."""
    row = await tx.first(select(*_RECORD).where(api_keys.c.key_id == key))
    if row is None:
        return None
    return KeyRecord(
        account_id=AccountId(row.account_id),
        alias=row.alias,
        role_id=RoleId(row.role_id),
        is_enabled=row.is_enabled,
        expires_at=row.expires_at,
        networks=networks_of(row.allowed_ips, row.allowed_cidrs),
        secret_hash=row.secret_hash,
        former_secret_hash=row.former_secret_hash,
        former_until=row.former_until,
    )


async def list_keys(
    tx: RegionTx, account: AccountId, page: PageRequest, *, role: RoleId | None
) -> Page[ApiKey]:
    """List the keys of an account, oldest first."""
    query = select(*_KEY).where(api_keys.c.account_id == account)
    if role is not None:
        query = query.where(api_keys.c.role_id == role)
    if page.after is not None:
        after = tuple_(datetime.fromisoformat(page.after[0]), page.after[1])
        query = query.where(tuple_(api_keys.c.created_at, api_keys.c.key_id) > after)
    query = query.order_by(api_keys.c.created_at, api_keys.c.key_id).limit(page.limit + 1)
    found = [_api_key(row) for row in await tx.all(query)]
    shown = tuple(found[: page.limit])
    more = len(found) > page.limit
    return Page(shown, (shown[-1].created_at.isoformat(), shown[-1].id) if more else None)


async def list_keys_with_role(
    tx: RegionTx, account: AccountId, role: RoleId, *, at_most: int
) -> tuple[ApiKeyId, ...]:
    """List keys of an account that hold a role, locked and expired ones too."""
    holds = (api_keys.c.account_id == account) & (api_keys.c.role_id == role)
    query = select(api_keys.c.key_id).where(holds).order_by(api_keys.c.key_id).limit(at_most)
    return tuple(ApiKeyId(row.key_id) for row in await tx.all(query))


async def update_key(tx: RegionTx, account: AccountId, key: ApiKey) -> None:
    """Bring a key to a new version; its secret stays."""
    await tx.execute(update(api_keys).where(_is(account, key.id)).values(**_changeable(key)))


async def replace_secret(
    tx: RegionTx, account: AccountId, key: ApiKey, *, secret_hash: bytes, former_until: datetime | None
) -> None:
    """Give a key another secret; the present one becomes the former, or is forgotten if `former_until` is None."""
    former = None if former_until is None else api_keys.c.secret_hash
    values = {"former_secret_hash": former, "former_until": former_until, "secret_hash": secret_hash}
    stamp = {"version": key.version, "modified_at": key.modified_at}
    await tx.execute(update(api_keys).where(_is(account, key.id)).values(**values, **stamp))


async def delete_key(tx: RegionTx, account: AccountId, key: ApiKeyId) -> None:
    """Delete a key and everything by which it was recognised."""
    await tx.execute(delete(api_keys).where(_is(account, key)))


async def note_key_activity(tx: RegionTx, account: AccountId, key: ApiKeyId, at: datetime) -> None:
    """Remember when a key was last used; an earlier moment than the one held changes nothing."""
    earlier = or_(api_keys.c.last_activity_at.is_(None), api_keys.c.last_activity_at < at)
    await tx.execute(update(api_keys).where(_is(account, key), earlier).values(last_activity_at=at))


def _is(account: AccountId, key: ApiKeyId) -> ColumnElement[bool]:
    return (api_keys.c.account_id == account) & (api_keys.c.key_id == key)


def _changeable(key: ApiKey) -> dict[str, object]:
    return {
        "alias": key.alias,
        "description": key.description,
        "role_id": key.role_id,
        "locale": key.locale,
        "time_zone": key.time_zone,
        "allowed_ips": list(key.allowed_ips),
        "allowed_cidrs": list(key.allowed_cidrs),
        "is_enabled": key.is_enabled,
        "expires_at": key.expires_at,
        "modified_at": key.modified_at,
        "version": key.version,
    }


def _api_key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        id=ApiKeyId(row.key_id),
        alias=row.alias,
        description=row.description,
        role_id=RoleId(row.role_id),
        locale=row.locale,
        time_zone=row.time_zone,
        allowed_ips=tuple(row.allowed_ips),
        allowed_cidrs=tuple(row.allowed_cidrs),
        is_enabled=row.is_enabled,
        expires_at=row.expires_at,
        created_at=row.created_at,
        created_by=row.created_by,
        modified_at=row.modified_at,
        last_activity_at=row.last_activity_at,
        version=row.version,
    )
