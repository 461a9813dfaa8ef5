"""The region's signing keys and all their SQL; the private part is sealed."""

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, Table, Text, select

from domicile.infra.databases import RegionTx
from domicile.infra.planes import NODE_TABLE, REGION, OpaqueJson, UtcTime

signing_keys = Table(
    "signing_keys",
    REGION,
    Column("kid", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("public_key", OpaqueJson, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    info=NODE_TABLE,
)
_CURRENT = signing_keys.c.state == "current"
Index(
    "uq_signing_keys_current",
    signing_keys.c.state,
    unique=True,
    sqlite_where=_CURRENT,
    postgresql_where=_CURRENT,
)


async def insert_current_key(
    tx: RegionTx, kid: str, *, sealed: bytes, public: dict[str, str], now: datetime
) -> bool:
    """Make a key the one that signs; False if there is one."""
    row = tx.insert(signing_keys).values(
        kid=kid, state="current", sealed_private_key=sealed, public_key=public, created_at=now
    )
    return (await tx.execute(row.on_conflict_do_nothing())).rowcount == 1


async def find_current_key(tx: RegionTx) -> tuple[str, bytes] | None:
    """Find the key that signs: its id and its sealed private part."""
    row = await tx.first(select(signing_keys.c.kid, signing_keys.c.sealed_private_key).where(_CURRENT))
    return (row.kid, row.sealed_private_key) if row else None
