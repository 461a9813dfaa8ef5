"""Items as they are now, their labels and whom they name, and all their SQL."""

import json
from collections.abc import Iterable, Sequence
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
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)

from domicile.infra.databases import RegionTx
from domicile.infra.planes import REGION, OpaqueJson, UtcTime
from domicile.kernel.ids import AccountId
from domicile.kernel.labels import Requirement
from domicile.kernel.paging import Page, PageRequest
from domicile.region.item_log.domain import Contents, Place, Target
from domicile.region.items.domain import MOST_NAMED, Item, Named, Status

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
    Column("provider", Text),
    Column("location", Text),
    Column("status", Text),
    Column("status_version", BigInteger),
    Column("status_at", UtcTime),
    Column("version", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("modified_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)

item_labels = Table(
    "item_labels",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
)

item_references = Table(
    "item_references",
    REGION,
    Column("account_id", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("named_kind", Text, primary_key=True),
    Column("named", Text, primary_key=True),
    ForeignKeyConstraint(["account_id"], ["accounts.account_id"]),
    Index(None, "account_id", "service", "named_kind", "named"),
)


async def insert_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Write an item down with its labels; False if there is one of that kind and name."""
    row = {**_key(account, place, item.name), "created_at": item.created_at, **_changeable(item)}
    if (await tx.execute(tx.insert(items).on_conflict_do_nothing(), row)).rowcount != 1:
        return False
    await _write_labels(tx, account, place, item)
    return True


async def find_item(tx: RegionTx, account: AccountId, place: Place, name: str) -> Item | None:
    """Find an item by its name."""
    row = await tx.first(select(items).where(_of(items, account, place), items.c.name == name))
    return _item(row) if row else None


async def list_items(
    tx: RegionTx, account: AccountId, place: Place, selector: Sequence[Requirement], page: PageRequest
) -> Page[Item]:
    """List an account's items of one kind that a selector chooses, in the order of their names."""
    query = select(items).where(_of(items, account, place), *(_chosen(part) for part in selector))
    if page.after is not None:
        query = query.where(items.c.name > page.after[0])
    found = tuple(_item(row) for row in await tx.all(query.order_by(items.c.name).limit(page.limit + 1)))
    shown = found[: page.limit]
    return Page(shown, (shown[-1].name,) if len(found) > page.limit else None)


async def list_items_of_service(
    tx: RegionTx, service: str, page: PageRequest
) -> Page[tuple[AccountId, str, Item]]:
    """List what all accounts of the region keep in a service: (account, kind, item), in the order of those and the names."""
    key = (items.c.account_id, items.c.kind, items.c.name)
    query = select(items).where(items.c.service == service)
    if page.after is not None:
        query = query.where(tuple_(*key) > tuple_(*page.after))
    rows = await tx.all(query.order_by(*key).limit(page.limit + 1))
    shown = tuple((AccountId(row.account_id), row.kind, _item(row)) for row in rows[: page.limit])
    last = rows[page.limit - 1] if len(rows) > page.limit else None
    return Page(shown, (last.account_id, last.kind, last.name) if last is not None else None)


async def write_status(tx: RegionTx, service: str, account: AccountId, named: Named, status: Status) -> bool:
    """Write down what the service says of an item; False if the item is not there, or it has spoken of a later version already."""
    mine = (
        (items.c.account_id == account)
        & (items.c.service == service)
        & (items.c.kind == named.kind)
        & (items.c.name == named.name)
        & (items.c.version >= status.version)
        & (func.coalesce(items.c.status_version, 0) <= status.version)
    )
    told = {
        "status": json.dumps(status.value, separators=(",", ":")),
        "status_version": status.version,
        "status_at": status.at,
    }
    return await tx.count(update(items).where(mine).values(told)) == 1


async def count_items(tx: RegionTx, account: AccountId, place: Place) -> int:
    """Count an account's items of one kind."""
    query = select(func.count().label("kept")).select_from(items).where(_of(items, account, place))
    row = await tx.first(query)
    return int(row.kept) if row else 0


async def count_by_kind(tx: RegionTx, account: AccountId, service: str) -> dict[str, int]:
    """Count an account's items in a service, by the kinds that there are any of."""
    mine = (items.c.account_id == account) & (items.c.service == service)
    query = select(items.c.kind, func.count().label("kept")).where(mine).group_by(items.c.kind)
    return {row.kind: int(row.kept) for row in await tx.all(query)}


async def update_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Bring an item to its next version; False if another change came first."""
    mine = _of(items, account, place) & (items.c.name == item.name) & (items.c.version == item.version - 1)
    if await tx.count(update(items).where(mine).values(_changeable(item))) != 1:
        return False
    await tx.execute(delete(item_labels).where(_called(item_labels, account, place, item.name)))
    await _write_labels(tx, account, place, item)
    return True


async def delete_item(tx: RegionTx, account: AccountId, place: Place, item: Item) -> bool:
    """Delete an item as it was read; False if a change came first."""
    mine = _of(items, account, place) & (items.c.name == item.name) & (items.c.version == item.version)
    if await tx.count(delete(items).where(mine)) != 1:
        return False
    for table in (item_labels, item_references):
        await tx.execute(delete(table).where(_called(table, account, place, item.name)))
    return True


async def write_references(
    tx: RegionTx, account: AccountId, place: Place, name: str, named: Iterable[Named]
) -> None:
    """Write down whom an item names, in place of whom it named before."""
    await tx.execute(delete(item_references).where(_called(item_references, account, place, name)))
    mine = _key(account, place, name)
    rows = [{**mine, "named_kind": each.kind, "named": each.name} for each in named]
    if rows:
        await tx.execute(tx.insert(item_references), rows)


async def list_users(tx: RegionTx, account: AccountId, place: Place, name: str) -> tuple[Named, ...]:
    """List the other items that name this one, as many as a refusal tells and one more."""
    table = item_references
    itself = (table.c.kind == place.kind.name) & (table.c.name == name)
    query = (
        select(table.c.kind, table.c.name)
        .where(
            table.c.account_id == account,
            table.c.service == place.service.name,
            table.c.named_kind == place.kind.name,
            table.c.named == name,
            ~itself,
        )
        .order_by(table.c.kind, table.c.name)
        .limit(MOST_NAMED + 1)
    )
    return tuple(Named(row.kind, row.name) for row in await tx.all(query))


async def find_missing(
    tx: RegionTx, account: AccountId, place: Place, named: Iterable[Named]
) -> frozenset[Named]:
    """Tell which of some items of the service are not there."""
    wanted = frozenset(named)
    there: set[Named] = set()
    for kind in {each.kind for each in wanted}:
        names = [each.name for each in wanted if each.kind == kind]
        query = select(items.c.name).where(
            items.c.account_id == account,
            items.c.service == place.service.name,
            items.c.kind == kind,
            items.c.name.in_(names),
        )
        there |= {Named(kind, row.name) for row in await tx.all(query)}
    return wanted - there


def _chosen(part: Requirement) -> ColumnElement[bool]:
    label = item_labels
    has = (
        (label.c.account_id == items.c.account_id)
        & (label.c.service == items.c.service)
        & (label.c.kind == items.c.kind)
        & (label.c.name == items.c.name)
        & (label.c.key == part.key)
    )
    if part.values is not None:
        has &= label.c.value.in_(sorted(part.values))
    found = exists().where(has)
    return found if part.is_wanted else ~found


async def _write_labels(tx: RegionTx, account: AccountId, place: Place, item: Item) -> None:
    mine = _key(account, place, item.name)
    rows = [{**mine, "key": key, "value": value} for key, value in item.contents.labels.items()]
    if rows:
        await tx.execute(tx.insert(item_labels), rows)


def _key(account: AccountId, place: Place, name: str) -> dict[str, object]:
    return {
        "account_id": account,
        "service": place.service.name,
        "kind": place.kind.name,
        "name": name,
    }


def _of(table: Table, account: AccountId, place: Place) -> ColumnElement[bool]:
    return (
        (table.c.account_id == account)
        & (table.c.service == place.service.name)
        & (table.c.kind == place.kind.name)
    )


def _called(table: Table, account: AccountId, place: Place, name: str) -> ColumnElement[bool]:
    return _of(table, account, place) & (table.c.name == name)


def _changeable(item: Item) -> dict[str, object]:
    target = item.contents.target
    return {
        "labels": dict(item.contents.labels),
        "spec": json.dumps(item.contents.spec, separators=(",", ":")),
        "provider": target.provider if target else None,
        "location": target.location if target else None,
        "version": item.version,
        "modified_at": item.modified_at,
    }


def _item(row: Row[Any]) -> Item:
    target = Target(row.provider, row.location) if row.provider is not None else None
    status = None
    if row.status is not None:
        status = Status(json.loads(row.status), row.status_version, row.status_at)
    return Item(
        name=row.name,
        contents=Contents(json.loads(row.spec), row.labels, target),
        version=row.version,
        created_at=row.created_at,
        modified_at=row.modified_at,
        status=status,
    )
