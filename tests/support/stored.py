"""What is stored of an account and its people, in every plane, for tests that something was left alone."""

from typing import Any

from sqlalchemy import Column, ColumnElement, MetaData, Table, or_, select

from domicile.apps.tables import GLOBAL_METADATA, REGION_METADATA
from domicile.infra.databases import Database, Tx
from tests.support.api import LiveServer

_OWNERS = ("account_id", "user_id")
_PASSING = ("last_activity", "last_seen")
Stored = dict[str, list[tuple[Any, ...]]]


def stored_of(server: LiveServer, *owners: str) -> Stored:
    """Read every row, in every database, that names one of the owners (accounts or people); times of activity are left out."""
    found: Stored = {}
    identity = server.node.identity.database
    for metadata in GLOBAL_METADATA:
        found |= _read(server, identity, metadata, owners, "global")
    for region, door in server.node.doors.by_region.items():
        found |= _read(server, door.plane.database, REGION_METADATA, owners, region)
    return found


def count_rows(server: LiveServer, table: str) -> int:
    """Count the rows of a table, over all databases that have one of that name."""
    return sum(len(rows) for rows in everything(server, table).values())


def everything(server: LiveServer, *names: str) -> Stored:
    """Read every row of the tables named, in every database."""
    identity = server.node.identity.database
    places: list[tuple[str, Database[Any], MetaData]] = [("global", identity, m) for m in GLOBAL_METADATA]
    places += [(r, door.plane.database, REGION_METADATA) for r, door in server.node.doors.by_region.items()]
    return {
        f"{place} {name}": _rows(server, database, metadata.tables[name], None)
        for place, database, metadata in places
        for name in names
        if name in metadata.tables
    }


def _read(
    server: LiveServer, database: Database[Any], metadata: MetaData, owners: tuple[str, ...], place: str
) -> Stored:
    found: Stored = {}
    for table in metadata.sorted_tables:
        named = [column for column in table.columns if column.name in _OWNERS]
        if named:
            condition = or_(*(column.in_(owners) for column in named))
            found[f"{place} {table.name}"] = _rows(server, database, table, condition)
    return found


def _rows(
    server: LiveServer, database: Database[Any], table: Table, condition: ColumnElement[bool] | None
) -> list[tuple[Any, ...]]:
    kept: list[Column[Any]] = [c for c in table.columns if not c.name.startswith(_PASSING)]
    query = select(*kept) if condition is None else select(*kept).where(condition)

    async def read(tx: Tx) -> list[tuple[Any, ...]]:
        return sorted((tuple(row) for row in await tx.all(query)), key=repr)

    return server.run(database.read(read))
