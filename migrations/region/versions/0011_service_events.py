"""What services are to hear of accounts, and the purge receipts that they owe and have given."""

import sqlalchemy as sa
from alembic import op

revision = "region_0011"
down_revision = "region_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "service_events",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("happening", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("service", "seq", name=op.f("pk_service_events")),
    )
    op.create_index(
        op.f("ix_service_events_service_state_due_at"), "service_events", ["service", "state", "due_at"]
    )
    op.create_table(
        "service_purges",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", "service", name=op.f("pk_service_purges")),
    )
    op.create_index(
        op.f("ix_service_purges_service_account_id"), "service_purges", ["service", "account_id"], unique=True
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("service_purges")
    op.drop_table("service_events")
