"""Use cases about sessions: beginning, lifting and ending them, and knowing who holds a token."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from uuid_utils import uuid7

from domicile.identity.addresses.store import note_lifted
from domicile.identity.events.domain import SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions import store
from domicile.identity.sessions.domain import TOUCH_EVERY, Session, SessionLimits
from domicile.identity.users.domain import UserState
from domicile.identity.users.store import raise_epoch
from domicile.infra.databases import IdentityTx
from domicile.infra.secrets import SecretText, has_checksum, with_checksum
from domicile.kernel.callers import Origin, Person
from domicile.kernel.errors import DomainError, not_found, unauthenticated
from domicile.kernel.ids import UserId, random_base62
from domicile.kernel.methods import joined
from domicile.kernel.paging import Page, PageRequest

TOKEN_PREFIX = "dms_"  # noqa: S105  # what tells a session token from others
_TOKEN_LENGTH = len(TOKEN_PREFIX) + 43 + 6


@dataclass(frozen=True, slots=True)
class LiftedSession:
    """A session after its person has shown more, and its new token, which is shown this once."""

    session: Session
    token: SecretText


async def authenticate_session(plane: IdentityPlane, token: str, origin: Origin) -> Person:
    """Tell whose session a token opens; `session-ended` for every token that opens none.

    Use keeps a session from ending idle; that is written down once a minute.
    """
    if not is_session_token(token):
        raise _session_ended()
    now, limits = plane.clock(), limits_of(plane)
    token_hash = plane.session_hash.of(token)
    live = await plane.database.read(lambda tx: store.find_live_session(tx, token_hash, limits, now=now))
    if live is None:
        raise _session_ended()
    if live.last_seen_at <= now - TOUCH_EVERY:
        await plane.database.run_tx(lambda tx: store.touch_session(tx, live.id, limits, now=now))
    return _person(live, origin)


async def resume_session(
    plane: IdentityPlane, user: UserId, is_it: Callable[[Person], bool], origin: Origin
) -> Person | None:
    """Go on with the live session of a user for which `is_it` holds, which then counts as used; None if it has ended."""
    now, limits = plane.clock(), limits_of(plane)
    found = await plane.database.read(
        lambda tx: store.list_live_sessions_with_user(tx, user, limits, now=now)
    )
    for live in found:
        person = _person(live, origin)
        if is_it(person):
            if live.last_seen_at <= now - TOUCH_EVERY:
                await plane.database.run_tx(
                    lambda tx, of=live.id: store.touch_session(tx, of, limits, now=now)
                )
            return person
    return None


async def sign_out(plane: IdentityPlane, person: Person) -> None:
    """End the caller's own session, at the server; the accounts that it had entered write that down."""
    if await _end(plane, person, person.session_id, SecurityEventType.SIGNED_OUT):
        await plane.tell_signed_out(person)


async def end_session(plane: IdentityPlane, person: Person, session_id: str) -> None:
    """End one of the caller's sessions, and with it every account token of theirs; `not-found` for one that is over, or somebody else's.

    Their other sessions enter accounts anew without asking anything.
    """
    if not await _end(plane, person, session_id, SecurityEventType.SESSION_ENDED):
        raise not_found("session")
    await plane.tell_regions()


async def end_other_sessions(plane: IdentityPlane, person: Person) -> int:
    """End all sessions of the caller but this one, and every account token of theirs; tells how many sessions there were."""
    now, limits = plane.clock(), limits_of(plane)

    async def work(tx: IdentityTx) -> int:
        # Whoever passed a limit counts as ended already.
        await store.forget_sessions_of(tx, person.user_id, limits, now=now)
        ended = await store.delete_sessions(tx, person.user_id, but=person.session_id)
        details = {"ended": str(ended)}
        event = security_event(
            person.user_id, SecurityEventType.SESSIONS_ENDED, person.origin, now=now, details=details
        )
        await append_event(tx, event)
        await raise_epoch(tx, person.user_id, now=now)
        return ended

    ended = await plane.database.run_tx(work)
    await plane.tell_regions()
    return ended


async def lift_session(
    plane: IdentityPlane, tx: IdentityTx, person: Person, methods: tuple[str, ...], *, now: datetime
) -> LiftedSession:
    """Note in the caller's session what they have just shown, in the transaction of what it was shown for.

    The session goes on under a new id and a new token (OWASP ASVS 5.0, 7.2.4), no longer than it would have; the old token is
    worth nothing. `session-ended` if it has ended, or was lifted by another request meanwhile.
    """
    token = new_session_token()
    lifted = store.Lifted(
        str(uuid7()), plane.session_hash.of(token.reveal()), joined(person.methods, methods)
    )
    session = await store.lift_session(
        tx, person.user_id, person.session_id, lifted, limits_of(plane), now=now
    )
    if session is None:
        raise _session_ended()
    await note_lifted(tx, person.user_id, person.session_id, session.id)
    return LiftedSession(session, token)


async def count_other_sessions(
    plane: IdentityPlane, tx: IdentityTx, user: UserId, *, but: str, now: datetime
) -> int:
    """Count the sessions of a user beside one."""
    return await store.count_live_sessions(tx, user, limits_of(plane), but=but, now=now)


def new_session_token() -> SecretText:
    """Draw a session token: a prefix, 43 base-62 characters (256 bits) and a checksum."""
    return SecretText(with_checksum(TOKEN_PREFIX + random_base62(43)))


async def list_own_sessions(plane: IdentityPlane, person: Person, page: PageRequest) -> Page[Session]:
    """List the caller's sessions, newest first."""
    now, limits = plane.clock(), limits_of(plane)
    return await plane.database.read(
        lambda tx: store.list_live_sessions(tx, person.user_id, page, limits, now=now)
    )


async def forget_ended_sessions(plane: IdentityPlane) -> None:
    """Delete the sessions that have passed a limit."""
    await plane.database.run_tx(lambda tx: store.forget_sessions(tx, limits_of(plane), now=plane.clock()))


def is_session_token(text: str) -> bool:
    """Tell by its looks whether a text may be a session token, without asking any database."""
    return text.startswith(TOKEN_PREFIX) and len(text) == _TOKEN_LENGTH and has_checksum(text)


async def _end(plane: IdentityPlane, person: Person, session_id: str, type_: SecurityEventType) -> bool:
    event = security_event(
        person.user_id, type_, person.origin, now=plane.clock(), details={"sessionID": session_id}
    )

    async def work(tx: IdentityTx) -> bool:
        if not await store.delete_session(tx, person.user_id, session_id):
            return False
        await append_event(tx, event)
        if type_ is SecurityEventType.SESSION_ENDED:
            await raise_epoch(tx, person.user_id, now=event.at)
        return True

    return await plane.database.run_tx(work)


def limits_of(plane: IdentityPlane) -> SessionLimits:
    """Give the limits that the configuration sets to sessions."""
    wanted = plane.settings.sessions
    return SessionLimits(timedelta(minutes=wanted.idle_minutes), timedelta(hours=wanted.absolute_hours))


def _person(live: store.LiveSession, origin: Origin) -> Person:
    user = live.user
    return Person(
        user_id=user.id,
        email=user.email,
        name=user.name,
        locale=user.locale,
        time_zone=user.time_zone,
        epoch=user.epoch,
        version=user.version,
        session_id=live.id,
        first_session_id=live.first_id,
        authenticated_at=live.authenticated_at,
        methods=live.methods,
        mfa_enabled=user.mfa_enabled,
        origin=origin,
        address_since=user.address_since,
        is_leaving=user.state is UserState.LEAVING,
    )


def _session_ended() -> DomainError:
    return unauthenticated("session-ended", "Your session has ended: sign in again.")
