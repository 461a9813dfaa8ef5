"""By what a device is known again, and whether its person is to be told of it."""

from datetime import datetime
from ipaddress import ip_network

from domicile.identity.devices import device_name
from domicile.identity.known_devices import store
from domicile.identity.known_devices.domain import IPV4_PREFIX, IPV6_PREFIX, KNOWN_FOR, NOTED_EVERY
from domicile.identity.plane import IdentityPlane
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId


def device_mark(plane: IdentityPlane, origin: Origin) -> bytes:
    """Hash what a device is known by: its name, and the wide range of its address; neither an update of it nor a new address of the same provider makes it new.

    A hint and no proof, for a program says of itself what it likes: the word to the person is all that depends on it.
    """
    if origin.address is None:
        return plane.code_hash.of(f"device {device_name(origin.user_agent)}")
    prefix = IPV4_PREFIX if origin.address.version == 4 else IPV6_PREFIX
    wide = ip_network((origin.address, prefix), strict=False)
    return plane.code_hash.of(f"device {device_name(origin.user_agent)} {wide}")


async def note_device(
    tx: IdentityTx, user: UserId, mark: bytes, *, used_at: datetime | None, now: datetime
) -> bool:
    """Note that a person signs in from a device that they last used at `used_at`; True if they are to be told that it is new.

    Nobody is told of their very first device: it is the one on which they signed up.
    """
    if used_at is not None and now - used_at < NOTED_EVERY:
        return False
    is_new = used_at is None or now - used_at > KNOWN_FOR
    is_to_be_told = is_new and await store.count_devices(tx, user) > 0
    await store.put_device(tx, user, mark, now=now)
    return is_to_be_told
