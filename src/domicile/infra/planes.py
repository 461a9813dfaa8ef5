"""The three kinds of database as data: one MetaData per plane, so that a foreign key across planes cannot be written."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

IDENTITY = MetaData(info={"plane": "identity"}, naming_convention=_NAMES)
"""About people, whatever accounts they are in."""
DIRECTORY = MetaData(info={"plane": "directory"}, naming_convention=_NAMES)
"""The small map that both planes need; in the same database as identity."""
REGION = MetaData(info={"plane": "region"}, naming_convention=_NAMES)
"""About accounts; one database per region. Every key begins with `account_id`, but for tables marked `node`."""

NODE_TABLE = {"node": True}
"""Marks a regional table that serves the region's machinery and belongs to no single account."""


class UtcTime(TypeDecorator[datetime]):
    """An aware moment in UTC on every engine; a naive one is refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive moment has no place in a database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back; SQLite forgets the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


OpaqueJson: Any = JSON().with_variant(JSONB(), "postgresql")
"""JSON that the database keeps and never looks into."""

OpaqueJsonOrNull: Any = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""The same where there may be nothing at all."""
