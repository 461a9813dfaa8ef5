"""Counters of failed attempts, and the sources where people are known."""

import sqlalchemy as sa
from alembic import op

revision = "global_0007"
down_revision = "global_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "attempts",
        sa.Column("counter_key", sa.LargeBinary(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("factor", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("eased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("counter_key", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_user_id", "attempts", ["user_id"], unique=False)
    op.create_table(
        "familiar_sources",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.LargeBinary(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.user_id"], name=op.f("fk_familiar_sources_user_id_users")
        ),
        sa.PrimaryKeyConstraint("user_id", "source_hash", name=op.f("pk_familiar_sources")),
    )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_table("familiar_sources")
    op.drop_table("attempts")
