"""Sessions on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.sessions.domain import Session
from domicile.identity.users.schemas import ProfileBody
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire


class SignInBody(Wire, frozen=True, forbid_unknown_fields=True):
    """What a person signs in with."""

    example: ClassVar[dict[str, object]] = {
        "email": "ann@example.com",
        "password": "correct horse battery staple",
    }

    email: str
    password: str

    def __repr__(self) -> str:
        return "SignInBody(…)"


class SignedInBody(Wire, frozen=True):
    """A session's token, shown this once; send it as `Authorization: Bearer`."""

    example: ClassVar[dict[str, object]] = {
        "token": "dms_3kTMd9RzWq0yXbV7nLhJcAfE5sUgPoi8Dv2mZ6QeKtr1gQQSH",
        "expires": "2026-05-01T20:00:00Z",
        "user": ProfileBody.example,
    }

    token: str
    expires: str
    user: ProfileBody

    def __repr__(self) -> str:
        return "SignedInBody(…)"


class SessionBody(Wire, frozen=True):
    """One of the caller's sessions."""

    example: ClassVar[dict[str, object]] = {
        "id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
        "created": "2026-05-01T08:00:00Z",
        "lastSeen": "2026-05-01T08:20:00Z",
        "expires": "2026-05-01T20:00:00Z",
        "current": True,
        "userAgent": "domicile-cli",
        "methods": ["pwd"],
    }

    id: str
    created: str
    last_seen: str
    """Exact to a minute."""
    expires: str
    current: bool
    """Whether it is the session of this request."""
    user_agent: str
    methods: list[str]
    """Ways of authentication (RFC 8176)."""


class SessionsBody(Wire, frozen=True):
    """A page of sessions; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"sessions": [SessionBody.example]}

    sessions: list[SessionBody]
    next: str | UnsetType = UNSET


def shape_session(session: Session, *, current_id: str) -> SessionBody:
    """Write a session for the wire."""
    return SessionBody(
        id=session.id,
        created=whole_seconds(session.created_at),
        last_seen=whole_seconds(session.last_seen_at),
        expires=whole_seconds(session.expires_at),
        current=session.id == current_id,
        user_agent=session.user_agent,
        methods=list(session.methods),
    )
