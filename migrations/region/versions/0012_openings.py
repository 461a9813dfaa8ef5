"""Ways of people into services."""

import sqlalchemy as sa
from alembic import op

revision = "region_0012"
down_revision = "region_0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "service_openings",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("opening_id", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("sign_in", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_service_openings_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "opening_id", name=op.f("pk_service_openings")),
    )
    op.create_index("uq_service_openings_opening_id", "service_openings", ["opening_id"], unique=True)
    op.create_index("ix_service_openings_expires_at", "service_openings", ["expires_at"])


def downgrade() -> None:
    """Take the schema back."""
    op.drop_table("service_openings")
