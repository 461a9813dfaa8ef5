"""What a security event of a person is, and how one is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId

NOBODY = UserId("00000000-0000-0000-0000-000000000000")
"""Owner of events about no known person: a refused sign-in leaves a trace, the address that was typed does not."""


class SecurityEventType(StrEnum):
    """What can happen to a person's credentials, sessions and profile."""

    USER_CREATED = "audit.user_created.v1"
    USER_UPDATED = "audit.user_updated.v1"
    SIGNED_IN = "audit.user-signed-in.v1"
    SIGNED_OUT = "audit.user-signed-out.v1"
    SESSION_ENDED = "audit.session_deleted.v1"
    SESSIONS_ENDED = "audit.sessions_deleted.v1"
    STEPPED_UP = "audit.session_updated.v1"
    PASSWORD_CHANGED = "audit.password_updated.v1"  # noqa: S105  # the name of an event
    RESET_REQUESTED = "audit.passwordReset_created.v1"
    PASSWORD_RESET = "audit.password_reset.v1"  # noqa: S105  # the name of an event
    PASSKEY_STOPPED = "audit.passkey_stopped.v1"
    EMAIL_REQUESTED = "audit.emailChange_created.v1"
    EMAIL_CANCELLED = "audit.emailChange_deleted.v1"
    EMAIL_CHANGED = "audit.email_updated.v1"
    EMAIL_UNDONE = "audit.email_reset.v1"
    FACTOR_ADDED = "audit.factor_created.v1"
    FACTOR_REPLACED = "audit.factor_replaced.v1"
    FACTOR_RENAMED = "audit.factor_updated.v1"
    FACTOR_REMOVED = "audit.factor_deleted.v1"
    FACTORS_RESET = "audit.factors_reset.v1"
    CODES_MADE = "audit.recoveryCodes_created.v1"
    CODE_USED = "audit.recoveryCode_used.v1"
    NEW_DEVICE = "audit.device_created.v1"
    DATA_EXPORTED = "audit.userData_exported.v1"
    USER_LEAVING = "audit.user_leaving.v1"
    USER_STAYED = "audit.user_stayed.v1"
    USER_DELETED = "audit.user_deleted.v1"
    USER_DISABLED = "audit.user_disabled.v1"
    USER_ENABLED = "audit.user_enabled.v1"
    ATTEMPT_REFUSED = "audit.attempt_refused.v1"
    ATTEMPTS_CLEARED = "audit.attempts_cleared.v1"


NAMING: Final = (
    SecurityEventType.FACTOR_ADDED,
    SecurityEventType.FACTOR_REPLACED,
    SecurityEventType.FACTOR_RENAMED,
    SecurityEventType.FACTOR_REMOVED,
    SecurityEventType.PASSKEY_STOPPED,
    SecurityEventType.NEW_DEVICE,
)
"""Events whose details hold words that the person chose, or the kind of their device: taken out once they are gone."""

SYSTEM_ORIGIN = Origin("", None)
"""Of what happens without anybody's request, or by the operator's command line."""


class Outcome(StrEnum):
    """Whether it was done or refused."""

    SUCCESS = "success"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One thing that happened to a person, or that somebody tried."""

    user_id: UserId
    type: SecurityEventType
    outcome: Outcome
    at: datetime
    request_id: str
    source_address: str
    """Empty over a connection that has none."""
    details: Mapping[str, str]
    """Ids, and names of what changed; never a secret."""


@dataclass(frozen=True, slots=True)
class RecordedSecurityEvent:
    """A security event with the id that it was given; later ones have greater ids."""

    event_id: str
    event: SecurityEvent


def security_event(
    user: UserId,
    type_: SecurityEventType,
    origin: Origin,
    *,
    now: datetime,
    outcome: Outcome = Outcome.SUCCESS,
    details: Mapping[str, str] | None = None,
) -> SecurityEvent:
    """Describe what happened to a person by a request."""
    address = str(origin.address or "")
    return SecurityEvent(user, type_, outcome, now, origin.request_id, address, details or {})
