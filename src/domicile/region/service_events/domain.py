"""What services hear of, and how it stands with telling them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domicile.kernel.ids import AccountId

_WAITS: Final = (
    *(timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10)),
    *(timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2), timedelta(hours=4)),
    *(timedelta(hours=8), timedelta(hours=12), timedelta(hours=20), timedelta(hours=24)),
)
"""After the first failure, the second, and so on: three days in all."""
MOST_ATTEMPTS: Final = len(_WAITS) + 1


class Happening(StrEnum):
    """What happened to an account; the type of the event on the wire."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_SUSPENDED = "account.suspended"
    """Nobody enters, and whatever the service does for it stops."""
    ACCOUNT_RESTORED = "account.restored"
    ACCOUNT_PURGED = "account.purged"
    """Everything of it is to be deleted, and the service says when that is done."""
    MEMBER_REMOVED = "member.removed"
    """The subject is the user."""


class State(StrEnum):
    """How it stands with telling a service."""

    DUE = "due"
    TOLD = "told"
    GIVEN_UP = "given-up"
    """A dead letter, until an operator sends it again."""


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One thing that one service is to hear."""

    service: str
    seq: int
    """The number of the change in the region's access log: of two events the one with the higher number happened later."""
    id: str
    """The same at every attempt."""
    happening: Happening
    account_id: AccountId
    subject_id: str
    """The user of `member.removed`, the deletion receipt of `account.purged`; else empty."""
    at: datetime
    state: State
    attempts: int
    last_error: str


def wait_after(attempts: int) -> timedelta | None:
    """Say how long to wait after so many failures; None: no more."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None
