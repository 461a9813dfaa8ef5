"""The log of items, and all its SQL."""

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Row,
    Table,
    Text,
    func,
    select,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.item_log.domain import Action, Contents, ItemChange, ItemVersion, Place, Target

item_log_heads = Table(
    "item_log_heads",
    REGION,
    Column("service", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    info=NODE_TABLE,
)

item_versions = Table(
    "item_versions",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("action", Text, nullable=False),
    # Text, because a database that reads JSON refuses some of what JSON can say.
    Column("contents", Text),
    Column("principal", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index(None, "service", "seq", unique=True),
)


async def append_version(tx: RegionTx, account: AccountId, place: Place, made: ItemVersion) -> int:
    """Write a version down; gives its number in the log of the service.

    The counter row stays locked until the commit: numbers become visible in order, and the items of one service in one
    region change one after the other.
    """
    seq = await _step(tx, place.service.name)
    row = {
        "account_id": account,
        "service": place.service.name,
        "kind": made.kind,
        "name": made.name,
        "version": made.version,
        "seq": seq,
        "action": made.action,
        "contents": None if made.contents is None else write_contents(made.contents),
        "principal": made.principal,
        "at": made.at,
    }
    await tx.execute(tx.insert(item_versions), row)
    return seq


async def read_last_version(tx: RegionTx, account: AccountId, place: Place, name: str) -> int:
    """Read the number of the latest version that an item of this name had; 0 if there was none."""
    query = select(func.max(item_versions.c.version).label("last")).where(_of(account, place, name))
    row = await tx.first(query)
    return int(row.last) if row is not None and row.last is not None else 0


async def find_version(
    tx: RegionTx, account: AccountId, place: Place, name: str, version: int
) -> ItemVersion | None:
    """Find one version."""
    mine = _of(account, place, name) & (item_versions.c.version == version)
    row = await tx.first(select(item_versions).where(mine))
    return _version(row) if row else None


async def list_versions(
    tx: RegionTx, account: AccountId, place: Place, name: str, page: PageRequest
) -> Page[ItemVersion]:
    """List the versions of an item, the newest first."""
    query = select(item_versions).where(_of(account, place, name))
    if page.after is not None:
        query = query.where(item_versions.c.version < int(page.after[0]))
    rows = await tx.all(query.order_by(item_versions.c.version.desc()).limit(page.limit + 1))
    shown = tuple(_version(row) for row in rows[: page.limit])
    return Page(shown, (str(shown[-1].version),) if len(rows) > page.limit else None)


async def read_head(tx: RegionTx, service: str) -> int:
    """Read the number of the latest change of a service's items in the region."""
    row = await tx.first(select(item_log_heads.c.seq).where(item_log_heads.c.service == service))
    return row.seq if row else 0


async def list_changes(tx: RegionTx, service: str, *, after: int, at_most: int) -> tuple[ItemChange, ...]:
    """List the changes of a service's items beyond the number `after`, in order; those of purged accounts are gone."""
    query = (
        select(item_versions)
        .where(item_versions.c.service == service, item_versions.c.seq > after)
        .order_by(item_versions.c.seq)
        .limit(at_most)
    )
    return tuple(ItemChange(row.seq, AccountId(row.account_id), _version(row)) for row in await tx.all(query))


def write_contents(contents: Contents) -> str:
    """Write down what an item holds."""
    return json.dumps(contents.as_json(), separators=(",", ":"))


def read_contents(text: str) -> Contents:
    """Read what `write_contents` wrote."""
    whole = json.loads(text)
    target = whole.get("target")
    return Contents(whole["spec"], whole["labels"], Target(**target) if target else None)


async def _step(tx: RegionTx, service: str) -> int:
    begun = tx.insert(item_log_heads).values(service=service, seq=1)
    step = begun.on_conflict_do_update(index_elements=["service"], set_={"seq": item_log_heads.c.seq + 1})
    return (await tx.execute(step.returning(item_log_heads.c.seq))).one().seq


def _of(account: AccountId, place: Place, name: str) -> ColumnElement[bool]:
    return (
        (item_versions.c.account_id == account)
        & (item_versions.c.service == place.service.name)
        & (item_versions.c.kind == place.kind.name)
        & (item_versions.c.name == name)
    )


def _version(row: Row[Any]) -> ItemVersion:
    return ItemVersion(
        kind=row.kind,
        name=row.name,
        version=row.version,
        action=Action(row.action),
        contents=None if row.contents is None else read_contents(row.contents),
        principal=row.principal,
        at=row.at,
    )
