"""Suspending accounts, purges and their receipts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "region_0005"
down_revision = "region_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("accounts", sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("purge_after", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("warned_days", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("receipt_id", sa.Text(), nullable=True))
    op.create_index("ix_accounts_purge_after", "accounts", ["purge_after"], unique=False)
    op.create_table(
        "purges",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("expected", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("deleted", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("account_version", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_purges")),
    )
    op.create_table(
        "deletion_receipts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_deletion_receipts")),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("deletion_receipts")
    op.drop_table("purges")
    op.drop_index("ix_accounts_purge_after", table_name="accounts")
    op.drop_column("accounts", "receipt_id")
    op.drop_column("accounts", "warned_days")
    op.drop_column("accounts", "purge_after")
    op.drop_column("accounts", "suspended_at")
