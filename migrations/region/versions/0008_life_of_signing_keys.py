"""The life of signing keys: when each begins and ends to sign, and whether it was withdrawn."""

import sqlalchemy as sa
from alembic import op

revision = "region_0008"
down_revision = "region_0007"
branch_labels = None
depends_on = None

_IS_NEXT = sa.text("state = 'next'")


def upgrade() -> None:
    """Bring the schema up; the key that is there has signed from its beginning."""
    keys = sa.table(
        "signing_keys",
        sa.column("created_at", sa.DateTime(timezone=True)),
        sa.column("signs_from", sa.DateTime(timezone=True)),
    )
    op.add_column("signing_keys", sa.Column("signs_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("signing_keys", sa.Column("signed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("signing_keys", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(sa.update(keys).values(signs_from=keys.c.created_at))
    with op.batch_alter_table("signing_keys") as table:
        table.alter_column("signs_from", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_index(
        "uq_signing_keys_next",
        "signing_keys",
        ["state"],
        unique=True,
        sqlite_where=_IS_NEXT,
        postgresql_where=_IS_NEXT,
    )


def downgrade() -> None:
    """Take the schema down; of the keys only the one that signs is kept, the others have no meaning there."""
    op.drop_index("uq_signing_keys_next", table_name="signing_keys")
    op.execute(sa.text("DELETE FROM signing_keys WHERE state <> 'current'"))
    for name in ("withdrawn_at", "signed_until", "signs_from"):
        op.drop_column("signing_keys", name)
