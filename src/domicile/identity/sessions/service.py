"""Use cases about sessions: signing in and out, and knowing who holds a token."""

from dataclasses import dataclass
from datetime import timedelta

from uuid_utils import uuid7

from domicile.identity.events.domain import NOBODY, Outcome, SecurityEventType, security_event
from domicile.identity.events.store import append_event
from domicile.identity.methods import Way, methods_of
from domicile.identity.passwords.domain import normalise_password
from domicile.identity.passwords.store import Credential, find_credential_by_email, replace_hash
from domicile.identity.plane import IdentityPlane
from domicile.identity.sessions import store
from domicile.identity.sessions.domain import TOUCH_EVERY, Session, SessionLimits, new_session
from domicile.identity.users.domain import User, UserState
from domicile.infra.databases import IdentityTx
from domicile.infra.email_address import parse_email_address
from domicile.infra.secrets import SecretText, has_checksum, with_checksum
from domicile.kernel.callers import Origin, Person, user_leaving
from domicile.kernel.email_address import EmailAddress
from domicile.kernel.errors import DomainError, not_found, unauthenticated
from domicile.kernel.faults import Faults
from domicile.kernel.ids import random_base62
from domicile.kernel.paging import Page, PageRequest

TOKEN_PREFIX = "dms_"  # noqa: S105  # what tells a session token from others
_TOKEN_LENGTH = len(TOKEN_PREFIX) + 43 + 6


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session and its token, which is shown this once."""

    session: Session
    token: SecretText
    user: User


async def sign_in(plane: IdentityPlane, email: str, password: SecretText, origin: Origin) -> SignedIn:
    """Begin a session for who knows the password of an address.

    An unknown address, a wrong password and a person who may not sign in are one answer, `sign-in-failed`, after the same work:
    one read, one hash, one transaction. A hash made with older parameters is made anew. `user-leaving` for who knows the password of
    a user that is being deleted.
    """
    address, typed = _parse_credentials(email, password)
    credential = await plane.database.read(lambda tx: find_credential_by_email(tx, address.key))
    matches = await plane.passwords.verify(typed, credential.hash if credential else None)
    if credential is None or not matches:
        await _record_refusal(plane, credential, origin)
        raise _sign_in_failed()
    if credential.user.state is UserState.LEAVING:
        raise user_leaving()
    return await _begin_session(plane, credential, await _renewed_hash(plane, credential, typed), origin)


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


async def sign_out(plane: IdentityPlane, person: Person) -> None:
    """End the caller's own session, at the server; the accounts that it had entered write that down."""
    if await _end(plane, person, person.session_id, SecurityEventType.SIGNED_OUT):
        await plane.tell_signed_out(person)


async def end_session(plane: IdentityPlane, person: Person, session_id: str) -> None:
    """End one of the caller's sessions; `not-found` for one that is over, or somebody else's."""
    if not await _end(plane, person, session_id, SecurityEventType.SESSION_ENDED):
        raise not_found("session")


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


def _parse_credentials(email: str, password: SecretText) -> tuple[EmailAddress, SecretText]:
    faults = Faults()
    address = faults.take("email", parse_email_address, email)
    typed = faults.take("password", normalise_password, password.reveal())
    faults.settle()
    assert address is not None
    return address, SecretText(typed or "")


async def _renewed_hash(plane: IdentityPlane, credential: Credential, typed: SecretText) -> str | None:
    return await plane.passwords.hash(typed) if plane.passwords.is_outdated(credential.hash) else None


async def _begin_session(
    plane: IdentityPlane, credential: Credential, renewed: str | None, origin: Origin
) -> SignedIn:
    user, token, now = credential.user, with_checksum(TOKEN_PREFIX + random_base62(43)), plane.clock()
    session = new_session(
        str(uuid7()), user.id, origin, limits_of(plane), methods=methods_of(Way.PASSWORD), now=now
    )
    token_hash = plane.session_hash.of(token)
    event = security_event(
        user.id, SecurityEventType.SIGNED_IN, origin, now=now, details={"sessionID": session.id}
    )

    async def work(tx: IdentityTx) -> bool:
        if not await store.insert_session(tx, session, token_hash, epoch=user.epoch):
            return False
        await append_event(tx, event)
        if renewed is not None:
            await replace_hash(tx, user.id, credential.hash, renewed, now=now)
        return True

    if not await plane.database.run_tx(work):
        raise _sign_in_failed()
    return SignedIn(session, SecretText(token), user)


async def _record_refusal(plane: IdentityPlane, credential: Credential | None, origin: Origin) -> None:
    """Leave a trace of a refused sign-in: with a known person, or with nobody, at the same cost."""
    owner = credential.user.id if credential else NOBODY
    event = security_event(
        owner, SecurityEventType.SIGNED_IN, origin, now=plane.clock(), outcome=Outcome.REFUSED
    )
    await plane.database.run_tx(lambda tx: append_event(tx, event))


async def _end(plane: IdentityPlane, person: Person, session_id: str, type_: SecurityEventType) -> bool:
    event = security_event(
        person.user_id, type_, person.origin, now=plane.clock(), details={"sessionID": session_id}
    )

    async def work(tx: IdentityTx) -> bool:
        if not await store.delete_session(tx, person.user_id, session_id):
            return False
        await append_event(tx, event)
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
        authenticated_at=live.authenticated_at,
        methods=live.methods,
        mfa_enabled=user.mfa_enabled,
        origin=origin,
        address_since=user.address_since,
        is_leaving=user.state is UserState.LEAVING,
    )


def _sign_in_failed() -> DomainError:
    return unauthenticated("sign-in-failed", "That e-mail address and password do not belong together.")


def _session_ended() -> DomainError:
    return unauthenticated("session-ended", "Your session has ended: sign in again.")
