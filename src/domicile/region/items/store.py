"""Items, and all their SQL."""

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Row,
    Table,
    Text,
    delete,
    func,
    select,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.paging import Page, PageRequest
from domicile.region.items.domain import Item, Place

items = Table(
    "items",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("labels", OpaqueJson, nullable=False),
    # Text, because a database that reads JSON refuses some of what JSON can say.
    Column("spec", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)


async def insert_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Write an item down; False if there is one of that kind and name."""
    row = {
        "account_id": account,
        "service": place.service.name,
        "kind": place.kind.name,
        "name": item.name,
        "created_at": item.created_at,
        **_changeable(item),
    }
    return (await tx.execute(tx.insert(items).on_conflict_do_nothing(), row)).rowcount == 1


async def find_item(tx: RegionTx, account: AccountId, place: Place, name: str) -> Item | None:
    """Find an item by its name."""
    row = await tx.first(select(items).where(_of(account, place), items.c.name == name))
    return _item(row) if row else None


async def list_items(tx: RegionTx, account: AccountId, place: Place, page: PageRequest) -> Page[Item]:
    """List an account's items of one kind, in the order of their names."""
    query = select(items).where(_of(account, place))
    if page.after is not None:
        query = query.where(items.c.name > page.after[0])
    found = tuple(_item(row) for row in await tx.all(query.order_by(items.c.name).limit(page.limit + 1)))
    shown = found[: page.limit]
    return Page(shown, (shown[-1].name,) if len(found) > page.limit else None)


async def count_items(tx: RegionTx, account: AccountId, place: Place) -> int:
    """Count an account's items of one kind."""
    row = await tx.first(select(func.count().label("kept")).select_from(items).where(_of(account, place)))
    return int(row.kept) if row else 0


async def update_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Bring an item to its next version; False if another change came first."""
    mine = _of(account, place) & (items.c.name == item.name) & (items.c.version == item.version - 1)
    return await tx.count(update(items).where(mine).values(_changeable(item))) == 1


async def delete_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Delete an item as it was read; False if a change came first."""
    mine = _of(account, place) & (items.c.name == item.name) & (items.c.version == item.version)
    return await tx.count(delete(items).where(mine)) == 1


def _of(account: AccountId, place: Place) -> ColumnElement[bool]:
    return (
        (items.c.account_id == account)
        & (items.c.service == place.service.name)
        & (items.c.kind == place.kind.name)
    )


def _changeable(item: Item) -> dict[str, object]:
    return {
        "labels": dict(item.labels),
        "spec": json.dumps(item.spec, separators=(",", ":")),
        "version": item.version,
        "modified_at": item.modified_at,
    }


def _item(row: Row[Any]) -> Item:
    return Item(
        name=row.name,
        labels=row.labels,
        spec=json.loads(row.spec),
        version=row.version,
        created_at=row.created_at,
        modified_at=row.modified_at,
    )
