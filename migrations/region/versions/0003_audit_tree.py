"""Audit events get their places in a tree of hashes, and what is personal in them can be erased.

Events that are there are put in the order of their moments and ids. What they commit to is the form of version 1,
written out here once more: a migration does not change with the code.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "region_0003"
down_revision = "region_0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\"]+@[^\s@<>()\[\],;:\"]+")
_AT_ONCE = 1000

_NEW = {
    "seq": sa.BigInteger(),
    "personal": sa.Text(),
    "salt": sa.LargeBinary(),
    "commitment": sa.LargeBinary(),
    "leaf_hash": sa.LargeBinary(),
}
_FILLED = ("seq", "commitment", "leaf_hash")
_EVENTS = sa.table(
    "audit_events",
    sa.column("account_id", sa.Text()),
    sa.column("event_id", sa.Text()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("type", sa.Text()),
    sa.column("principal_kind", sa.Text()),
    sa.column("principal_id", sa.Text()),
    sa.column("principal_email", sa.Text()),
    sa.column("outcome", sa.Text()),
    sa.column("request_id", sa.Text()),
    sa.column("source_address", sa.Text()),
    sa.column("details", _JSON),
    *(sa.column(name, type_) for name, type_ in _NEW.items()),
)
_TREES = sa.table(
    "audit_trees",
    *(sa.column(name, sa.BigInteger()) for name in ("size", "tiled_size", "pruned_size", "checkpoint_size")),
    sa.column("account_id", sa.Text()),
    sa.column("oldest_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Bring the schema up."""
    _create_tables()
    for name, type_ in _NEW.items():
        op.add_column("audit_events", sa.Column(name, type_, nullable=True))
    _give_places(op.get_bind())
    with op.batch_alter_table("audit_events") as batch:
        for name in _FILLED:
            batch.alter_column(name, nullable=False)
        batch.drop_column("principal_email")
        batch.drop_column("source_address")
    op.create_index("uq_audit_events_seq", "audit_events", ["account_id", "seq"], unique=True)


def _create_tables() -> None:
    op.create_table(
        "audit_trees",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("tiled_size", sa.BigInteger(), nullable=False),
        sa.Column("pruned_size", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_size", sa.BigInteger(), nullable=False),
        sa.Column("oldest_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_audit_trees")),
    )
    op.create_index("ix_audit_trees_oldest_at", "audit_trees", ["oldest_at"], unique=False)
    op.create_table(
        "audit_tiles",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_audit_tiles")),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "size", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_marks",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "subject_id", "kind", name=op.f("pk_audit_marks")),
    )


def _give_places(connection: sa.Connection) -> None:
    events = _EVENTS.c
    change = (
        sa.update(_EVENTS)
        .where(events.account_id == sa.bindparam("of_account"), events.event_id == sa.bindparam("of_event"))
        .values({name: sa.bindparam(f"new_{name}") for name in ("details", *_NEW)})
    )
    for account in connection.execute(sa.select(events.account_id).distinct()).scalars().all():
        size, oldest_at = 0, None
        for rows in _in_order(connection, account):
            oldest_at = oldest_at or rows[0].at
            connection.execute(change, [_placed(row, size + n) for n, row in enumerate(rows)])
            size += len(rows)
        connection.execute(
            sa.insert(_TREES).values(
                account_id=account,
                size=size,
                tiled_size=0,
                pruned_size=0,
                checkpoint_size=0,
                oldest_at=oldest_at,
            )
        )


def _in_order(connection: sa.Connection, account: str) -> Iterator[list[Any]]:
    """Give the events of an account in the order of their moments, some at a time."""
    events = _EVENTS.c
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(_EVENTS).where(events.account_id == account)
        if after is not None:
            query = query.where(sa.tuple_(events.at, events.event_id) > after)
        rows = list(connection.execute(query.order_by(events.at, events.event_id).limit(_AT_ONCE)))
        if rows:
            yield rows
        if len(rows) < _AT_ONCE:
            return
        after = (rows[-1].at, rows[-1].event_id)


def _placed(row: Any, seq: int) -> dict[str, Any]:  # noqa: ANN401  # a row of the table as it was
    told: dict[str, str] = {}
    details = _set_apart(row.details, "", told)
    salt = os.urandom(32)
    personal = _canonical(
        {"details": told, "principalEmail": row.principal_email, "sourceAddress": row.source_address}
    )
    commitment = hashlib.sha256(salt + personal.encode()).digest()
    leaf = {
        "form": 1,
        "eventID": row.event_id,
        "seq": seq,
        "accountID": row.account_id,
        "time": _precise(row.at),
        "type": row.type,
        "principal": {"kind": row.principal_kind, "id": row.principal_id},
        "outcome": row.outcome,
        "requestID": row.request_id,
        "details": details,
        "commitment": commitment.hex(),
    }
    return {
        "of_account": row.account_id,
        "of_event": row.event_id,
        "new_details": details,
        "new_seq": seq,
        "new_personal": personal,
        "new_salt": salt,
        "new_commitment": commitment,
        "new_leaf_hash": hashlib.sha256(b"\x00" + _canonical(leaf).encode()).digest(),
    }


def _set_apart(value: Any, pointer: str, told: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, dict):
        return {
            name: _set_apart(member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", told)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_set_apart(item, f"{pointer}/{place}", told) for place, item in enumerate(value)]
    if isinstance(value, str) and _ADDRESS.search(value):
        told[pointer] = value
        return None
    return value


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _precise(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def downgrade() -> None:
    """Take the schema back; what was deleted for its age or erased does not come back."""
    op.drop_index("uq_audit_events_seq", table_name="audit_events")
    for name in ("principal_email", "source_address"):
        op.add_column("audit_events", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    _put_back(op.get_bind())
    with op.batch_alter_table("audit_events") as batch:
        for name in ("principal_email", "source_address"):
            batch.alter_column(name, server_default=None)
        for name in _NEW:
            batch.drop_column(name)
    op.drop_table("audit_marks")
    op.drop_table("audit_checkpoints")
    op.drop_table("audit_tiles")
    op.drop_index("ix_audit_trees_oldest_at", table_name="audit_trees")
    op.drop_table("audit_trees")


def _put_back(connection: sa.Connection) -> None:
    events = _EVENTS.c
    change = (
        sa.update(_EVENTS)
        .where(events.account_id == sa.bindparam("of_account"), events.event_id == sa.bindparam("of_event"))
        .values(
            details=sa.bindparam("old_details"),
            principal_email=sa.bindparam("old_email"),
            source_address=sa.bindparam("old_source"),
        )
    )
    for account in connection.execute(sa.select(events.account_id).distinct()).scalars().all():
        for rows in _in_order(connection, account):
            told = [_restored(row) for row in rows if row.personal is not None]
            if told:
                connection.execute(change, told)


def _restored(row: Any) -> dict[str, Any]:  # noqa: ANN401  # a row of the table as it is
    personal = json.loads(row.personal)
    return {
        "of_account": row.account_id,
        "of_event": row.event_id,
        "old_details": _told_again(row.details, "", personal["details"]),
        "old_email": personal["principalEmail"],
        "old_source": personal["sourceAddress"],
    }


def _told_again(value: Any, pointer: str, told: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(value, dict):
        return {
            name: _told_again(member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", told)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_told_again(item, f"{pointer}/{place}", told) for place, item in enumerate(value)]
    return told.get(pointer) if value is None else value
