"""What an authenticator app of a person is."""

from dataclasses import dataclass, field
from datetime import datetime

from domicile.kernel.ids import UserId


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """One authenticator app."""

    id: str
    user_id: UserId
    name: str
    sealed_secret: bytes = field(repr=False)
    created_at: datetime
    confirmed_at: datetime | None
    """When a first code proved that it works; None: it does not count yet."""
    last_step: int
    """The last step of which a code was used; -1: none."""
    last_used_at: datetime | None
    replaces_id: str | None = None
    """The app that stops to count when this one begins to; None: it is one more."""
