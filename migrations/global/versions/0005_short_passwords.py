"""Passwords that are too short to stand alone."""

import sqlalchemy as sa
from alembic import op

revision = "global_0005"
down_revision = "global_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; until now no password could be set that was shorter than one that stands alone must be."""
    op.add_column("passwords", sa.Column("is_short", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Take the schema down."""
    op.drop_column("passwords", "is_short")
