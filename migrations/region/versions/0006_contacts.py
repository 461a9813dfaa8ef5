"""Contacts of accounts; those that are there begin with their creator's address."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "region_0006"
down_revision = "region_0005"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_ADDRESSES = sa.text(
    "SELECT a.account_id, a.created_at, c.email FROM accounts AS a"
    " JOIN memberships AS m ON m.account_id = a.account_id"
    " JOIN member_cards AS c ON c.account_id = m.account_id AND c.user_id = m.user_id"
    " ORDER BY a.account_id,"
    " CASE WHEN m.user_id = a.created_by THEN 0 WHEN m.role_id = 'full-access' AND m.state = 'enabled' THEN 1 ELSE 2 END,"
    " m.created_at, m.user_id"
).columns(created_at=sa.DateTime(timezone=True))


def upgrade() -> None:
    """Bring the schema up, and begin every account's lists: with its creator, or who owns it where they have left."""
    contacts = op.create_table(
        "contacts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("billing", _JSON, nullable=False),
        sa.Column("operations", _JSON, nullable=False),
        sa.Column("general", _JSON, nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_contacts_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_contacts")),
    )
    first: dict[str, dict[str, object]] = {}
    for account, created_at, email in op.get_bind().execute(_ADDRESSES):
        lists = {"billing": [email], "operations": [email], "general": [email]}
        first.setdefault(account, {"account_id": account, **lists, "modified_at": created_at, "version": 1})
    if first:
        op.bulk_insert(contacts, list(first.values()))


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("contacts")
