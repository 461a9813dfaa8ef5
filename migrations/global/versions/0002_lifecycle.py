"""Until when a suspended account can be restored, and the receipts of purged ones."""

import sqlalchemy as sa
from alembic import op

revision = "global_0002"
down_revision = "global_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("directory_accounts", sa.Column("purge_after", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "directory_receipts",
        sa.Column("receipt_id", sa.Text(), nullable=False),
        sa.Column("region_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_directory_receipts")),
    )


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("directory_receipts")
    op.drop_column("directory_accounts", "purge_after")
