"""Signing keys of identity."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "global_0006"
down_revision = "global_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema up; the first key is made at the next start."""
    op.create_table(
        "identity_signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_identity_signing_keys")),
    )
    for state in ("current", "next"):
        only = sa.text(f"state = '{state}'")
        op.create_index(
            f"uq_identity_signing_keys_{state}",
            "identity_signing_keys",
            ["state"],
            unique=True,
            sqlite_where=only,
            postgresql_where=only,
        )


def downgrade() -> None:
    """Take the schema down."""
    op.drop_table("identity_signing_keys")
