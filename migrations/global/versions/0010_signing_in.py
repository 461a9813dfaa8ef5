"""Sign-ins under way, and the devices that a person is known on."""

import sqlalchemy as sa
from alembic import op

revision = "global_0010"
down_revision = "global_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; the next sign-in of each person makes their first known device."""
    op.create_table(
        "sign_ins",
        sa.Column("sign_in_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("methods", sa.Text(), nullable=False),
        sa.Column("challenge_id", sa.Text(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sign_in_id", name=op.f("pk_sign_ins")),
    )
    op.create_index("uq_sign_ins_token_hash", "sign_ins", ["token_hash"], unique=True)
    op.create_index("ix_sign_ins_expires_at", "sign_ins", ["expires_at"], unique=False)
    op.create_index("ix_sign_ins_user_id", "sign_ins", ["user_id"], unique=False)
    op.create_table(
        "known_devices",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_known_devices_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "mark", name=op.f("pk_known_devices")),
    )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_table("known_devices")
    op.drop_index("ix_sign_ins_user_id", table_name="sign_ins")
    op.drop_index("ix_sign_ins_expires_at", table_name="sign_ins")
    op.drop_index("uq_sign_ins_token_hash", table_name="sign_ins")
    op.drop_table("sign_ins")
