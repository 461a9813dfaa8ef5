"""Sessions on the wire."""

from typing import ClassVar

from msgspec import UNSET, UnsetType

from domicile.identity.devices import device_name
from domicile.identity.sessions.domain import Session
from domicile.kernel.clock import whole_seconds
from domicile.web.bodies import Wire


class SessionBody(Wire, frozen=True):
    """One of the caller's sessions."""

    example: ClassVar[dict[str, object]] = {
        "id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
        "created": "2026-05-01T08:00:00Z",
        "lastSeen": "2026-05-01T08:20:00Z",
        "expires": "2026-05-01T20:00:00Z",
        "authenticated": "2026-05-01T08:15:00Z",
        "current": True,
        "device": "Firefox on Linux",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "addressFamily": "ipv6",
        "methods": ["pwd", "otp", "mfa"],
    }

    id: str
    created: str
    last_seen: str
    """Exact to a minute."""
    expires: str
    authenticated: str
    """When the person last showed in it who they are."""
    current: bool
    """Whether it is the session of this request."""
    device: str
    """What the device says of itself, in words: a hint, no proof."""
    user_agent: str
    address_family: str
    """`ipv4` or `ipv6`; empty over a connection that has no address. The address itself is in the security event of the sign-in."""
    methods: list[str]
    """Ways of authentication (RFC 8176)."""


class SessionsBody(Wire, frozen=True):
    """A page of sessions; `next` is absent on the last."""

    example: ClassVar[dict[str, object]] = {"sessions": [SessionBody.example]}

    sessions: list[SessionBody]
    next: str | UnsetType = UNSET


class EndedBody(Wire, frozen=True):
    """How many sessions have ended."""

    example: ClassVar[dict[str, object]] = {"ended": 2}

    ended: int


def shape_session(session: Session, *, current_id: str) -> SessionBody:
    """Write a session for the wire."""
    return SessionBody(
        id=session.id,
        created=whole_seconds(session.created_at),
        last_seen=whole_seconds(session.last_seen_at),
        expires=whole_seconds(session.expires_at),
        authenticated=whole_seconds(session.authenticated_at),
        current=session.id == current_id,
        device=device_name(session.user_agent),
        user_agent=session.user_agent,
        address_family=session.address_family,
        methods=list(session.methods),
    )
