"""Roles of an account's own, the history of accesses, and which changes make void what was handed out before."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "region_0002"
down_revision = "region_0001"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_ROWS_AT_ONCE = 1000

_history = sa.table(
    "access_history",
    sa.column("account_id", sa.Text()),
    sa.column("kind", sa.Text()),
    sa.column("subject_id", sa.Text()),
    sa.column("seq", sa.BigInteger()),
    sa.column("facts", _JSON),
    sa.column("at", sa.DateTime(timezone=True)),
)
_accounts = sa.table(
    "accounts",
    *(sa.column(name) for name in ("account_id", "state", "version")),
    sa.column("mfa_required", sa.Boolean()),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_memberships = sa.table(
    "memberships",
    *(sa.column(name) for name in ("account_id", "user_id", "role_id", "state", "version")),
    sa.column("created_at", sa.DateTime(timezone=True)),
)
_api_keys = sa.table(
    "api_keys",
    *(sa.column(name) for name in ("account_id", "key_id", "alias", "role_id", "version")),
    sa.column("is_enabled", sa.Boolean()),
    sa.column("allowed_ips", _JSON),
    sa.column("allowed_cidrs", _JSON),
    sa.column("expires_at", sa.DateTime(timezone=True)),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Bring the schema up; what is there now counts as having been so from its beginning."""
    op.create_table(
        "roles",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("role_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("service_roles", _JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_roles_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "role_id", name=op.f("pk_roles")),
    )
    op.create_table(
        "access_history",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("facts", _JSON, nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", "subject_id", "seq", name=op.f("pk_access_history")),
    )
    op.create_index("ix_access_history_at", "access_history", ["at"], unique=False)
    with op.batch_alter_table("access_log") as table:
        table.add_column(sa.Column("revokes", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("access_log") as table:
        table.alter_column("revokes", server_default=None)
    _begin(_accounts, ("account_id",), _of_account)
    _begin(_memberships, ("account_id", "user_id"), _of_membership)
    _begin(_api_keys, ("account_id", "key_id"), _of_api_key)


def _begin(
    source: sa.TableClause, key: tuple[str, ...], write: Callable[[Any], dict[str, Any] | None]
) -> None:
    """Write a first row of history for each row of a table."""
    for rows in _pages(source, key):
        written = [row for row in map(write, rows) if row is not None]
        if written:
            op.get_bind().execute(sa.insert(_history), written)


def _pages(source: sa.TableClause, key: tuple[str, ...]) -> Iterator[Any]:
    columns = [source.c[name] for name in key]
    after: tuple[Any, ...] | None = None
    while True:
        query = sa.select(source).order_by(*columns).limit(_ROWS_AT_ONCE)
        if after is not None:
            query = query.where(sa.tuple_(*columns) > sa.tuple_(*after))
        rows = op.get_bind().execute(query).all()
        if not rows:
            return
        yield rows
        after = tuple(getattr(rows[-1], name) for name in key)


def _of_account(row: sa.Row[Any]) -> dict[str, Any]:
    facts = {"state": row.state, "mfaRequired": row.mfa_required}
    return _row(row, "account", row.account_id, facts)


def _of_membership(row: sa.Row[Any]) -> dict[str, Any] | None:
    if row.state == "removed":
        return None
    return _row(row, "membership", row.user_id, {"roleID": row.role_id, "state": row.state})


def _of_api_key(row: sa.Row[Any]) -> dict[str, Any]:
    facts = {
        "alias": row.alias,
        "roleID": row.role_id,
        "enabled": row.is_enabled,
        "expiry": _seconds(row.expires_at) if row.expires_at else None,
        "networks": [*row.allowed_ips, *row.allowed_cidrs],
    }
    return _row(row, "api-key", row.key_id, facts)


def _row(row: sa.Row[Any], kind: str, subject: str, facts: dict[str, Any]) -> dict[str, Any]:
    told = {"account_id": row.account_id, "kind": kind, "subject_id": subject, "seq": row.version}
    return told | {"facts": facts, "at": _utc(row.created_at)}


def _seconds(moment: datetime) -> str:
    return f"{_utc(moment):%Y-%m-%dT%H:%M:%SZ}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def downgrade() -> None:
    """Take the schema back."""
    with op.batch_alter_table("access_log") as table:
        table.drop_column("revokes")
    op.drop_index("ix_access_history_at", table_name="access_history")
    op.drop_table("access_history")
    op.drop_table("roles")
