"""What a request for a new password is."""

from dataclasses import dataclass
from datetime import datetime

from domicile.kernel.callers import Origin


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Somebody asked for a new password for an address; whether it is a user's is looked up when the mail is due."""

    id: str
    email_key: str
    request_id: str
    source_address: str
    created_at: datetime
    expires_at: datetime


def new_reset(
    reset_id: str, email_key: str, origin: Origin, *, now: datetime, expires_at: datetime
) -> PasswordReset:
    """Make a request for a new password."""
    return PasswordReset(reset_id, email_key, origin.request_id, str(origin.address or ""), now, expires_at)
