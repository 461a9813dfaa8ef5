"""What services measured for accounts."""

import sqlalchemy as sa
from alembic import op

revision = "region_0013"
down_revision = "region_0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "usage_records",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_usage_records_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "service", "id", name=op.f("pk_usage_records")),
    )
    op.create_index(op.f("ix_usage_records_account_id_at"), "usage_records", ["account_id", "at"])


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("usage_records")
