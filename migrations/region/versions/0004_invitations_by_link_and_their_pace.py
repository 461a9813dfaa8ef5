"""Invitations: how the link is delivered, in which language, who is invited where, and how often an address is mailed."""

import sqlalchemy as sa
from alembic import op

revision = "region_0004"
down_revision = "region_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; what was invited before was invited by mail."""
    op.add_column("invitations", sa.Column("locale", sa.Text(), nullable=True))
    op.add_column("invitations", sa.Column("delivery", sa.Text(), server_default="mail", nullable=False))
    op.create_index(
        "ix_invitations_open_to",
        "invitations",
        ["email_key"],
        unique=False,
        sqlite_where=sa.text("state = 'invited'"),
        postgresql_where=sa.text("state = 'invited'"),
    )
    op.create_table(
        "invitation_mails",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("invitation_id", sa.Text(), nullable=False),
        sa.Column("sends", sa.BigInteger(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "invitation_id", "sends", name=op.f("pk_invitation_mails")),
    )
    op.create_index(
        "ix_invitation_mails_address", "invitation_mails", ["address_hash", "sent_at"], unique=False
    )
    op.create_index("ix_invitation_mails_sent_at", "invitation_mails", ["sent_at"], unique=False)


def downgrade() -> None:
    """Take the schema back; an invitation that was declined is revoked for who does not know that word."""
    op.drop_index("ix_invitation_mails_sent_at", table_name="invitation_mails")
    op.drop_index("ix_invitation_mails_address", table_name="invitation_mails")
    op.drop_table("invitation_mails")
    op.drop_index(
        "ix_invitations_open_to",
        table_name="invitations",
        sqlite_where=sa.text("state = 'invited'"),
        postgresql_where=sa.text("state = 'invited'"),
    )
    op.execute("UPDATE invitations SET state = 'revoked' WHERE state = 'declined'")
    op.drop_column("invitations", "delivery")
    op.drop_column("invitations", "locale")
