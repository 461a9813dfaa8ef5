"""Second factors: whether a user has one, authenticator apps, recovery codes."""

import sqlalchemy as sa
from alembic import op

revision = "global_0004"
down_revision = "global_0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; nobody has a second factor yet."""
    op.add_column("users", sa.Column("mfa_enabled", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "totp_factors",
        sa.Column("factor_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_totp_factors_user_id_users")),
        sa.PrimaryKeyConstraint("factor_id", name=op.f("pk_totp_factors")),
    )
    op.create_index("ix_totp_factors_user_id", "totp_factors", ["user_id", "factor_id"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_recovery_codes_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_codes")),
    )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_table("recovery_codes")
    op.drop_index("ix_totp_factors_user_id", table_name="totp_factors")
    op.drop_table("totp_factors")
    op.drop_column("users", "mfa_enabled")
