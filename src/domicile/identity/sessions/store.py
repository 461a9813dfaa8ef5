"""Sessions and all their SQL; a session that has ended is a row that is gone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Insert,
    LargeBinary,
    Row,
    Table,
    Text,
    bindparam,
    delete,
    false,
    func,
    insert,
    select,
    true,
    update,
)

from domicile.identity.sessions.domain import TOUCH_EVERY, Session, SessionLimits
from domicile.identity.users.domain import User, UserState
from domicile.identity.users.store import user_of, users
from domicile.infra.databases import IdentityTx
from domicile.infra.planes import IDENTITY, UtcTime
from domicile.kernel.callers import MFA
from domicile.kernel.ids import UserId
from domicile.kernel.paging import Page, PageRequest

sessions = Table(
    "sessions",
    IDENTITY,
    Column("session_id", Text, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("user_id", Text, ForeignKey(users.c.user_id), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("last_seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("authenticated_at", UtcTime, nullable=False),
    Column("methods", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("address_family", Text, nullable=False),
    Column("first_id", Text, nullable=False),
    Index("uq_sessions_token_hash", "token_hash", unique=True),
    Index("ix_sessions_user_id", "user_id", "session_id"),
)


def _insert_if_current() -> Insert:
    """Insert only while the user may sign in, their credentials are those that were checked, and nothing that they have was left out."""
    values = [bindparam(f"new_{column.name}", type_=column.type) for column in sessions.c]
    current = (users.c.user_id == bindparam("of_user")) & (users.c.epoch == bindparam("at_epoch"))
    current &= users.c.state == UserState.ENABLED.value
    enough = users.c.mfa_enabled.is_(false()) | bindparam("used_factor", type_=Boolean).is_(true())
    chosen = select(*values).select_from(users).where(current, enough)
    return insert(sessions).from_select(
        [column.name for column in sessions.c], chosen, include_defaults=False
    )


_INSERT = _insert_if_current()
_LIVE = (
    select(
        users,
        sessions.c.session_id,
        sessions.c.first_id,
        sessions.c.authenticated_at,
        sessions.c.methods,
        sessions.c.last_seen_at,
    )
    .join(users, users.c.user_id == sessions.c.user_id)
    .where(
        sessions.c.expires_at > bindparam("now"),
        sessions.c.last_seen_at > bindparam("idle_since"),
        # Whoever is leaving may still look how far that is, and think better of it.
        users.c.state.in_([UserState.ENABLED.value, UserState.LEAVING.value]),
    )
)
_BY_TOKEN = _LIVE.where(sessions.c.token_hash == bindparam("token_hash"))
_OF_USER = _LIVE.where(sessions.c.user_id == bindparam("of_user"))


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session within its limits, with the user whose it is."""

    id: str
    first_id: str
    """The id that it began with: the same through every step-up."""
    user: User
    authenticated_at: datetime
    methods: tuple[str, ...]
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Lifted:
    """What is new of a session in which its person has shown more."""

    id: str
    token_hash: bytes
    methods: tuple[str, ...]


async def insert_session(tx: IdentityTx, session: Session, token_hash: bytes, *, epoch: int) -> bool:
    """Write a session down; False if the user's credentials have changed since `epoch`, or the user may not sign in.

    Whoever has a second factor gets no session without one, whichever way they came (OWASP ASVS 5.0, 6.3.4).
    """
    row = {
        "new_session_id": session.id,
        "new_token_hash": token_hash,
        "new_user_id": session.user_id,
        "new_created_at": session.created_at,
        "new_last_seen_at": session.last_seen_at,
        "new_expires_at": session.expires_at,
        "new_authenticated_at": session.authenticated_at,
        "new_methods": " ".join(session.methods),
        "new_user_agent": session.user_agent,
        "new_address_family": session.address_family,
        "new_first_id": session.id,
    }
    condition = {"of_user": session.user_id, "at_epoch": epoch, "used_factor": MFA in session.methods}
    made = await tx.execute(_INSERT, row | condition)
    return made.rowcount == 1


async def find_live_session(
    tx: IdentityTx, token_hash: bytes, limits: SessionLimits, *, now: datetime
) -> LiveSession | None:
    """Find the session of a token, if it is within its limits and its user may sign in."""
    asked = {"token_hash": token_hash, "now": now, "idle_since": now - limits.idle}
    row = await tx.first(_BY_TOKEN, asked)
    return _live_session_of(row) if row else None


async def list_live_sessions_with_user(
    tx: IdentityTx, user: UserId, limits: SessionLimits, *, now: datetime
) -> tuple[LiveSession, ...]:
    """List a user's sessions that are within their limits, if the user may sign in; there are never many."""
    asked = {"of_user": user, "now": now, "idle_since": now - limits.idle}
    return tuple(_live_session_of(row) for row in await tx.all(_OF_USER, asked))


async def touch_session(tx: IdentityTx, session_id: str, limits: SessionLimits, *, now: datetime) -> None:
    """Move the last activity of a session that has not ended, at most once a minute."""
    mine = (sessions.c.session_id == session_id) & (sessions.c.last_seen_at <= now - TOUCH_EVERY)
    await tx.execute(update(sessions).where(mine, _is_live(limits, now)).values(last_seen_at=now))


async def renew_authentication(tx: IdentityTx, user: UserId, session_id: str, *, now: datetime) -> bool:
    """Note that the person of a session has just shown their password again; False if it has ended."""
    mine = (sessions.c.session_id == session_id) & (sessions.c.user_id == user)
    return await tx.count(update(sessions).where(mine).values(authenticated_at=now)) == 1


async def lift_session(
    tx: IdentityTx, user: UserId, former_id: str, lifted: Lifted, limits: SessionLimits, *, now: datetime
) -> Session | None:
    """Give a session another id and token, and what was shown in it, in one statement; None if it has ended, or was lifted meanwhile.

    When it began, and its absolute limit, stay.
    """
    mine = (sessions.c.session_id == former_id) & (sessions.c.user_id == user) & _is_live(limits, now)
    change = {
        "session_id": lifted.id,
        "token_hash": lifted.token_hash,
        "methods": " ".join(lifted.methods),
        "authenticated_at": now,
        "last_seen_at": now,
    }
    row = (await tx.execute(update(sessions).where(mine).values(change).returning(sessions))).first()
    return _session_of(row) if row else None


async def count_live_sessions(
    tx: IdentityTx, user: UserId, limits: SessionLimits, *, but: str, now: datetime
) -> int:
    """Count a user's sessions that are within their limits, but one."""
    others = (sessions.c.user_id == user) & (sessions.c.session_id != but) & _is_live(limits, now)
    row = await tx.first(select(func.count().label("others")).select_from(sessions).where(others))
    return int(row.others) if row else 0


async def list_live_sessions(
    tx: IdentityTx, user: UserId, page: PageRequest, limits: SessionLimits, *, now: datetime
) -> Page[Session]:
    """List a user's sessions that are within their limits, newest first."""
    query = select(sessions).where(sessions.c.user_id == user, _is_live(limits, now))
    if page.after is not None:
        query = query.where(sessions.c.session_id < page.after[0])
    query = query.order_by(sessions.c.session_id.desc()).limit(page.limit + 1)
    found = tuple(_session_of(row) for row in await tx.all(query))
    shown = found[: page.limit]
    return Page(shown, (shown[-1].id,) if len(found) > page.limit else None)


async def delete_session(tx: IdentityTx, user: UserId, session_id: str) -> bool:
    """End one session of a user; False if they have none of that id."""
    mine = (sessions.c.user_id == user) & (sessions.c.session_id == session_id)
    return await tx.count(delete(sessions).where(mine)) == 1


async def delete_surplus(tx: IdentityTx, user: UserId, *, at_most: int) -> None:
    """End the oldest sessions of a user who has too many."""
    mine = sessions.c.user_id == user
    kept = select(sessions.c.session_id).where(mine).order_by(sessions.c.session_id.desc()).limit(at_most)
    await tx.execute(delete(sessions).where(mine, sessions.c.session_id.not_in(kept)))


async def count_sessions(tx: IdentityTx, user: UserId) -> int:
    """Count the sessions of a user, those past a limit too."""
    row = await tx.first(select(func.count().label("kept")).where(sessions.c.user_id == user))
    return int(row.kept) if row else 0


async def delete_sessions(tx: IdentityTx, user: UserId, *, but: str | None) -> int:
    """End all sessions of a user but one (None: all); tells how many."""
    mine = delete(sessions).where(sessions.c.user_id == user)
    return await tx.count(mine if but is None else mine.where(sessions.c.session_id != but))


async def forget_sessions_of(tx: IdentityTx, user: UserId, limits: SessionLimits, *, now: datetime) -> None:
    """Delete the sessions of one user that have passed a limit."""
    await tx.execute(delete(sessions).where(sessions.c.user_id == user, ~_is_live(limits, now)))


async def forget_sessions(tx: IdentityTx, limits: SessionLimits, *, now: datetime) -> None:
    """Delete the sessions that have passed a limit."""
    await tx.execute(delete(sessions).where(~_is_live(limits, now)))


def _is_live(limits: SessionLimits, now: datetime) -> ColumnElement[bool]:
    return (sessions.c.expires_at > now) & (sessions.c.last_seen_at > now - limits.idle)


def _live_session_of(row: Row[Any]) -> LiveSession:  # Any: a row of `_LIVE`
    return LiveSession(
        id=row.session_id,
        first_id=row.first_id,
        user=user_of(row),
        authenticated_at=row.authenticated_at,
        methods=tuple(row.methods.split()),
        last_seen_at=row.last_seen_at,
    )


def _session_of(row: Row[Any]) -> Session:  # Any: a row of the table above
    return Session(
        id=row.session_id,
        user_id=UserId(row.user_id),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        authenticated_at=row.authenticated_at,
        methods=tuple(row.methods.split()),
        user_agent=row.user_agent,
        address_family=row.address_family,
    )
