"""The id that a session began with, which stays through every step-up."""

import sqlalchemy as sa
from alembic import op

revision = "global_0011"
down_revision = "global_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; a session that was lifted before counts as begun then."""
    op.add_column("sessions", sa.Column("first_id", sa.Text(), nullable=True))
    op.execute("UPDATE sessions SET first_id = session_id")
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("first_id", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    """Take the schema down."""
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("first_id")
