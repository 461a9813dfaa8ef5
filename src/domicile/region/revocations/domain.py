"""What the revocation feed tells, and to whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domicile.kernel.errors import invalid

READ_FEED: Final = "audit:log:read"
"""What a principal inside an account needs to read its own account's rows."""
LONGEST_WAIT: Final = 30
"""Seconds that an answer may wait for news."""
LOOK_EVERY_SECONDS: Final = 1.0
"""While an answer waits, the log is looked at so often, whoever wrote to it."""
MOST_ROWS: Final = 1_000
"""In one answer."""
BEGINNING: Final = timedelta(hours=1)
"""A reader that begins is given what is younger; no account token lasts a fifth as long."""
MOST_WAITING: Final = 200
MOST_WAITING_EACH: Final = 8
"""Answers that may wait at once, in all and for one reader; others are given at once."""

_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Revocation:
    """One row: what was handed out about the subject before this number no longer tells the truth."""

    seq: int
    kind: str
    account_id: str
    subject_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Revocations:
    """A piece of the feed."""

    rows: Sequence[Revocation]
    head: int
    """The number of the latest change in the region's access log."""
    following: int
    """From where the next piece goes on."""
    floor: int | None
    """Where the feed begins anew: what knows fewer changes than this cannot be judged, and must not be believed. None: it goes on."""

    @property
    def is_worth_telling(self) -> bool:
        """Whether there is anything that a reader must act on, or more to read at once."""
        return bool(self.rows) or self.floor is not None or self.following < self.head


def parse_since(text: str | None) -> int | None:
    """Read after which number the feed goes on; None: it begins."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise invalid({"since": "must be the number in `next` of the answer before"})
    return int(text)


def parse_wait(text: str | None) -> int:
    """Read how many seconds an answer may wait for news; none if nothing is said."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 2) or int(text) > LONGEST_WAIT:
        raise invalid({"wait": f"must be a whole number of seconds from 0 to {LONGEST_WAIT}"})
    return int(text)
