"""What a second factor of a person is, whatever its kind, and what can change about it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domicile.identity.events.domain import SecurityEventType
from domicile.identity.recovery_codes.domain import CodeSet
from domicile.identity.users.domain import User
from domicile.kernel.callers import Origin
from domicile.kernel.ids import UserId
from domicile.kernel.text import check_line

LONGEST_NAME: Final = 60


class FactorKind(StrEnum):
    """What it is that proves who somebody is."""

    TOTP = "totp"
    """An authenticator app."""
    PASSKEY = "passkey"


class FactorAct(StrEnum):
    """What can happen to a second factor."""

    ADDED = "added"
    REPLACED = "replaced"
    """One was added, and another removed, at once."""
    RENAMED = "renamed"
    REMOVED = "removed"

    @property
    def event(self) -> SecurityEventType:
        """Name the security event that tells of it."""
        return _EVENTS[self]


_EVENTS: Final = {
    FactorAct.ADDED: SecurityEventType.FACTOR_ADDED,
    FactorAct.REPLACED: SecurityEventType.FACTOR_REPLACED,
    FactorAct.RENAMED: SecurityEventType.FACTOR_RENAMED,
    FactorAct.REMOVED: SecurityEventType.FACTOR_REMOVED,
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One second factor that counts."""

    id: str
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None
    stopped_at: datetime | None = None
    """Since when it is refused, because there may be a copy of it; None: it works."""


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """All that a person has beside their password."""

    factors: tuple[Factor, ...]
    """Oldest first."""
    codes: CodeSet | None
    """None: they never had recovery codes, or have them no more."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What is left after a factor was removed."""

    user: User
    other_sessions: int
    """Of the same person, which the removal does not end."""


@dataclass(frozen=True, slots=True)
class FactorChange:
    """What changed of a person's second factors, in the running transaction, and by which request."""

    act: FactorAct
    user_id: UserId
    kind: FactorKind
    factor_id: str
    name: str
    """As it is afterwards; of one that was removed, as it was."""
    origin: Origin
    at: datetime
    replaced_id: str | None = None
    """Of a replacement, the factor that is gone."""


def check_factor_name(text: str) -> str:
    """Accept what a person calls a factor of theirs: one visible line of at most 60 characters."""
    return check_line(text, longest=LONGEST_NAME)


def is_factor_id(text: str) -> bool:
    """Tell by its looks whether a text may be the id of a factor: a UUID in its canonical form."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
