"""What a session is, how long it lasts, and where its device is said to be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId

TOUCH_EVERY: Final = timedelta(minutes=1)
"""How exact the last activity of a session is."""
MOST_SESSIONS: Final = 100
"""Sessions that one person can have; with one more the oldest ends."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends by itself (NIST SP 800-63B-4, section 2.2.3)."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """The signed-in state of a user on one device."""

    id: str
    user_id: UserId
    created_at: datetime
    last_seen_at: datetime
    """Exact to a minute."""
    expires_at: datetime
    """The absolute limit; idleness ends it earlier."""
    authenticated_at: datetime
    methods: tuple[str, ...]
    user_agent: str
    address_family: str
    """`ipv4`, `ipv6`, or empty: the address itself is in the event of the sign-in."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is kept of a person's earlier sign-ins, as far as the next one has to know it."""

    sessions: int
    """How many there are."""
    device_mark: bytes
    """By what the device of this sign-in is known."""
    device_used_at: datetime | None
    """When that was last used; None: it is new, or was forgotten."""


def new_session(
    session_id: str,
    user: UserId,
    origin: Origin,
    limits: SessionLimits,
    *,
    methods: tuple[str, ...],
    now: datetime,
) -> Session:
    """Make the session of a user who has just shown who they are, in the ways that `methods` names (RFC 8176)."""
    return Session(
        id=session_id,
        user_id=user,
        created_at=now,
        last_seen_at=now,
        expires_at=now + limits.absolute,
        authenticated_at=now,
        methods=methods,
        user_agent=origin.user_agent,
        address_family=f"ipv{origin.address.version}" if origin.address else "",
    )


def is_session_id(text: str) -> bool:
    """Tell by its looks whether a text may be the id of a session: a UUID in its canonical form."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
