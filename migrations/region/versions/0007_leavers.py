"""People who leave: the region's list of them, and places that do not count meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "region_0007"
down_revision = "region_0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("memberships", sa.Column("absence", sa.Text(), nullable=True))
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"], unique=False)
    op.create_table(
        "leavers",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_leavers")),
    )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_table("leavers")
    op.drop_index("ix_memberships_user_id", table_name="memberships")
    op.drop_column("memberships", "absence")
