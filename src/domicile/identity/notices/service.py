"""What a person is told by mail of their credentials: noted with the change, told later, out of the security event."""

from dataclasses import dataclass
from datetime import datetime

from domicile.identity.devices import device_of
from domicile.identity.events.domain import SecurityEvent, SecurityEventType, security_event
from domicile.identity.events.store import append_event, find_event
from domicile.identity.outbox import NOTICE_MAIL
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.domain import Session
from domicile.identity.users.domain import User
from domicile.identity.users.store import find_user
from domicile.infra.databases import IdentityTx
from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom to tell what."""

    user: User
    event: SecurityEvent


async def append_notice(plane: IdentityPlane, tx: IdentityTx, event: SecurityEvent) -> None:
    """Write an event down, and that the person is to be told of it; the row of the mail holds ids alone."""
    event_id = await append_event(tx, event)
    await plane.outbox.append(tx, NOTICE_MAIL, owner_id=event.user_id, subject_id=event_id)


async def tell_new_device(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, session: Session, origin: Origin, *, now: datetime
) -> None:
    """Tell a person of a sign-in from a device that they have not used before, in the transaction of the sign-in."""
    details = {"sessionID": session.id, **whereabouts(origin)}
    event = security_event(user, SecurityEventType.NEW_DEVICE, origin, now=now, details=details)
    await append_notice(plane, tx, event)


def whereabouts(origin: Origin) -> dict[str, str]:
    """Give what a security event tells of the device, beside its network address: names that we know, or nothing."""
    device = str(device_of(origin.user_agent))
    return {"device": device} if device else {}


async def find_notice(plane: IdentityPlane, user_id: UserId, event_id: str) -> Notice | None:
    """Find what a person is to be told; None for somebody who is gone."""

    async def work(tx: IdentityTx) -> Notice | None:
        user, event = await find_user(tx, user_id), await find_event(tx, user_id, event_id)
        return Notice(user, event) if user and event else None

    return await plane.database.read(work)
