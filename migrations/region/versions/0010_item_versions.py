"""The log of items with every version, labels that can be asked for, whom items name, where they are put to work, what services say."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "region_0010"
down_revision = "region_0009"
branch_labels = None
depends_on = None

_ITEM = ("account_id", "service", "kind", "name")
_AT_ONCE = 500


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("items", sa.Column("provider", sa.Text(), nullable=True))
    op.add_column("items", sa.Column("location", sa.Text(), nullable=True))
    op.add_column("items", sa.Column("status", sa.Text(), nullable=True))
    op.add_column("items", sa.Column("status_version", sa.BigInteger(), nullable=True))
    op.add_column("items", sa.Column("status_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "item_log_heads",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_item_log_heads")),
    )
    op.create_table(
        "item_versions",
        *_item_columns(),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("contents", sa.Text(), nullable=True),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _of_account("item_versions"),
        sa.PrimaryKeyConstraint(*_ITEM, "version", name=op.f("pk_item_versions")),
    )
    op.create_index(op.f("ix_item_versions_service_seq"), "item_versions", ["service", "seq"], unique=True)
    op.create_table(
        "item_labels",
        *_item_columns(),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _of_account("item_labels"),
        sa.PrimaryKeyConstraint("account_id", "service", "kind", "key", "name", name=op.f("pk_item_labels")),
    )
    op.create_table(
        "item_references",
        *_item_columns(),
        sa.Column("named_kind", sa.Text(), nullable=False),
        sa.Column("named", sa.Text(), nullable=False),
        _of_account("item_references"),
        sa.PrimaryKeyConstraint(*_ITEM, "named_kind", "named", name=op.f("pk_item_references")),
    )
    op.create_index(
        op.f("ix_item_references_account_id_service_named_kind_named"),
        "item_references",
        ["account_id", "service", "named_kind", "named"],
    )
    _log_what_is_there()


def downgrade() -> None:
    """Take the schema back."""
    for table in ("item_references", "item_labels", "item_versions", "item_log_heads"):
        op.drop_table(table)
    for column in ("status_at", "status_version", "status", "location", "provider"):
        op.drop_column("items", column)


def _item_columns() -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in _ITEM]


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_account_id_accounts")
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=name)


def _log_what_is_there() -> None:
    """Give every item that is there a first entry in the log of its service."""
    metadata, connection = sa.MetaData(), op.get_bind()
    items, versions, labels, heads = (
        sa.Table(name, metadata, autoload_with=connection)
        for name in ("items", "item_versions", "item_labels", "item_log_heads")
    )
    last: Counter[str] = Counter()
    after: tuple[str, ...] | None = None
    while True:
        key = [items.c[name] for name in _ITEM]
        query = sa.select(items).order_by(*key).limit(_AT_ONCE)
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*after))
        rows = connection.execute(query).all()
        if not rows:
            break
        _log(connection, rows, versions, labels, last)
        after = tuple(getattr(rows[-1], name) for name in _ITEM)
    if last:
        connection.execute(heads.insert(), [{"service": name, "seq": seq} for name, seq in last.items()])


def _log(
    connection: sa.Connection,
    rows: Sequence[sa.Row[Any]],
    versions: sa.Table,
    labels: sa.Table,
    last: Counter[str],
) -> None:
    made, labelled = [], []
    for row in rows:
        last[row.service] += 1
        item = {name: getattr(row, name) for name in _ITEM}
        contents = {"labels": row.labels, "spec": json.loads(row.spec)}
        made.append(
            {
                **item,
                "version": row.version,
                "seq": last[row.service],
                "action": "created" if row.version == 1 else "updated",
                "contents": json.dumps(contents, separators=(",", ":")),
                "principal": "",
                "at": row.modified_at,
            }
        )
        labelled += [{**item, "key": key, "value": value} for key, value in row.labels.items()]
    connection.execute(versions.insert(), made)
    if labelled:
        connection.execute(labels.insert(), labelled)
