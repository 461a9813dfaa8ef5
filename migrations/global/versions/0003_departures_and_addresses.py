"""Changes of address, released addresses, and people who leave."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "global_0003"
down_revision = "global_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("users", sa.Column("address_since", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "email_changes",
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("former_email", sa.Text(), nullable=False),
        sa.Column("former_email_key", sa.Text(), nullable=False),
        sa.Column("former_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_email_changes_user_id_users")),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_email_changes")),
    )
    op.create_index("ix_email_changes_user_id", "email_changes", ["user_id", "created_at"], unique=False)
    op.create_index("ix_email_changes_email_key", "email_changes", ["email_key", "created_at"], unique=False)
    op.create_index("uq_email_changes_token_hash", "email_changes", ["token_hash"], unique=True)
    op.create_table(
        "email_undo_links",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["email_changes.change_id"],
            name=op.f("fk_email_undo_links_change_id_email_changes"),
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_email_undo_links")),
    )
    op.create_index("ix_email_undo_links_change_id", "email_undo_links", ["change_id"], unique=False)
    op.create_table(
        "released_addresses",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_released_addresses")),
    )
    op.create_table(
        "directory_leavers",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_directory_leavers")),
    )
    op.create_table(
        "directory_departures",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("blocking", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "region_id", name=op.f("pk_directory_departures")),
    )
    op.create_index("ix_directory_departures_at", "directory_departures", ["at"], unique=False)


def downgrade() -> None:
    """Take the schema down."""
    for table in (
        "directory_departures",
        "directory_leavers",
        "released_addresses",
        "email_undo_links",
        "email_changes",
    ):
        op.drop_table(table)
    op.drop_column("users", "address_since")
