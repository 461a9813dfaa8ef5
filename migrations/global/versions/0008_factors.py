"""Authenticator apps: which one a new one replaces, and how many wrong codes were given for one that does not count yet."""

import sqlalchemy as sa
from alembic import op

revision = "global_0008"
down_revision = "global_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; an app that was begun before begins without a wrong code."""
    op.add_column("totp_factors", sa.Column("replaces_id", sa.Text(), nullable=True))
    op.add_column(
        "totp_factors", sa.Column("wrong_codes", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_column("totp_factors", "wrong_codes")
    op.drop_column("totp_factors", "replaces_id")
