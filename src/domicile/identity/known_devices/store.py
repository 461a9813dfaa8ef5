"""Known devices and all their SQL: of each a keyed hash and when it was last used."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, LargeBinary, Table, Text, delete, func, select

from domicile.identity.known_devices.domain import MOST_KNOWN
from domicile.identity.users.store import users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.ids import UserId

known_devices = Table(
    "known_devices",
    IDENTITY,
    Column("user_id", Text, ForeignKey(users.c.user_id), primary_key=True),
    Column("mark", LargeBinary, primary_key=True),
    Column("last_used_at", UtcTime, nullable=False),
)


async def find_last_use(tx: IdentityTx, user: UserId, mark: bytes) -> datetime | None:
    """Find when a person last used a device; None for one that is not kept."""
    mine = (known_devices.c.user_id == user) & (known_devices.c.mark == mark)
    row = await tx.first(select(known_devices.c.last_used_at).where(mine))
    return row.last_used_at if row else None


async def count_devices(tx: IdentityTx, user: UserId) -> int:
    """Count the devices that are kept of a person."""
    counted = select(func.count().label("kept")).where(known_devices.c.user_id == user)
    row = await tx.first(counted)
    return int(row.kept) if row else 0


async def put_device(tx: IdentityTx, user: UserId, mark: bytes, *, now: datetime) -> None:
    """Note the use of a device, new or not; of too many the one goes that was not used for longest."""
    row = tx.insert(known_devices).values(user_id=user, mark=mark, last_used_at=now)
    keys = [known_devices.c.user_id, known_devices.c.mark]
    await tx.execute(row.on_conflict_do_update(index_elements=keys, set_={"last_used_at": now}))
    newest = known_devices.c.last_used_at.desc(), known_devices.c.mark
    kept = select(known_devices.c.mark).where(known_devices.c.user_id == user)
    kept = kept.order_by(*newest).limit(MOST_KNOWN)
    surplus = (known_devices.c.user_id == user) & known_devices.c.mark.not_in(kept)
    await tx.execute(delete(known_devices).where(surplus))


async def delete_devices(tx: IdentityTx, user: UserId) -> None:
    """Forget every device of a person."""
    await tx.execute(delete(known_devices).where(known_devices.c.user_id == user))
