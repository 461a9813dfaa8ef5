"""How every sign-in ends: with a session of its own."""

from dataclasses import dataclass
from datetime import datetime

from uuid_utils import uuid7

from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.known_devices.service import device_mark, note_device
from domicile.identity.known_devices.store import find_last_use
from domicile.identity.notices.service import tell_new_device
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions.domain import MOST_SESSIONS, Earlier, Session, new_session
from domicile.identity.sessions.service import limits_of, new_session_token
from domicile.identity.sessions.store import count_sessions, delete_surplus, insert_session
from domicile.identity.users.domain import User
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText
from domicile.kernel.callers import Origin


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its token, which is shown this once."""

    session: Session
    token: SecretText
    user: User


async def begin_session(
    plane: IdentityPlane,
    tx: IdentityTx,
    user: User,
    methods: tuple[str, ...],
    origin: Origin,
    *,
    earlier: Earlier | None = None,
    now: datetime,
) -> SignedIn | None:
    """Begin a session for who has just shown who they are, in the transaction of what they showed; None if they may not, or no longer.

    `user` is as they were when that was checked: a change of their credentials since then ends the sign-in, and so does a second
    factor that they have and did not show. Every way to sign in ends here, so that each has a session of its own, an event, and a
    word to the person where the device is new. `earlier` spares the questions that it answers.
    """
    token = new_session_token()
    session = new_session(str(uuid7()), user.id, origin, limits_of(plane), methods=methods, now=now)
    if not await insert_session(tx, session, plane.session_hash.of(token.reveal()), epoch=user.epoch):
        return None
    event = security_event(
        user.id, SecurityEventType.SIGNED_IN, origin, now=now, details={"sessionID": session.id}
    )
    await append_event(tx, event)
    if earlier is None:
        kept, mark = await count_sessions(tx, user.id) - 1, device_mark(plane, origin)
        earlier = Earlier(kept, mark, await find_last_use(tx, user.id, mark))
    if earlier.sessions >= MOST_SESSIONS:
        await delete_surplus(tx, user.id, at_most=MOST_SESSIONS)
    mark, used_at = earlier.device_mark, earlier.device_used_at
    if await note_device(tx, user.id, mark, used_at=used_at, now=now):
        await tell_new_device(plane, tx, user.id, session, origin, now=now)
    return SignedIn(session, token, user)
