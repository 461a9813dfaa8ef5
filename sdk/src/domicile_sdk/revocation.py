"""What makes void the tokens that were made before, as the region's revocation feed tells it.

The rules are those of the guide for services, "Follow the revocation feed"; their numbers stand beside what keeps them.
"""

import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from domicile_sdk.clock import Clock
from domicile_sdk.exchange import Fields

FEED_TRUSTED_SECONDS: Final = 60.0
"""Rule 6: whoever has not known everything for longer believes nothing."""
ROWS_KEPT_SECONDS: Final = 900.0
"""Rule 7: every token that a row speaks against has expired by then, with five minutes to spare."""

_KINDS = {"membership", "role", "account"}
_NEVER = float("-inf")

About: TypeAlias = tuple[str, str, str]
"""Kind, account and subject."""


class Verdict(Enum):
    """What the feed says of a token."""

    GOOD = auto()
    MEMBERSHIP = auto()
    """The user was removed, disabled, given another role, or has changed the password."""
    ROLE = auto()
    """The role is another bundle of rights now."""
    ACCOUNT = auto()
    """Every token in the account is void."""
    TOO_OLD = auto()
    """It knows of fewer changes than can be judged."""
    UNKNOWN = auto()
    """Not everything is known, or not since recently."""


class Row(NamedTuple):
    """One row of the feed, without its time: numbers are compared, never times."""

    number: int
    about: About


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One answer of the feed."""

    rows: tuple[Row, ...]
    head: int
    following: int
    """What to give as `since` next time."""
    floor: int | None
    """Where the feed begins anew; None: it goes on."""

    @classmethod
    def of(cls, body: Fields) -> "FeedPage":
        """Read an answer; `ValueError` for one that contradicts itself."""
        rows = tuple(_read_row(row) for row in body.values("rows"))
        floor = body.whole("floor") if body.flag("reset") else None
        page = cls(rows, body.whole("head"), body.whole("next"), floor)
        numbers = [row.number for row in rows]
        if numbers != sorted(set(numbers)) or not max([*numbers, floor or 0]) <= page.following <= page.head:
            raise ValueError("the numbers of the feed contradict each other")
        return page


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """A request to the feed; each is another one, and only the answer to the latest is taken."""

    since: int | None
    asked_at: float
    """When it was sent, in seconds of the steady clock."""


class RevocationFeed:
    """What is known of a region's revocations, and since when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: Question | None = None
        self._position: int | None = None
        self._floor = 0
        self._rows: dict[About, int] = {}
        """The highest number about each."""
        self._received: deque[tuple[float, Row]] = deque()
        self._complete_at = _NEVER
        """When the latest request was sent after whose answer everything was known."""

    def ask(self) -> Question:
        """Begin a request; an answer to an earlier one comes too late from now on."""
        with self._lock:
            self._open = Question(self._position, self._clock.steady())
            return self._open

    def take(self, question: Question, page: FeedPage) -> bool:
        """Take an answer in; False, and nothing changed, if it came twice or too late, or does not follow on the question."""
        with self._lock:
            if question is not self._open or not _follows(question, page):
                return False
            self._open = None
            if page.floor is not None:
                self._begin_anew(page.floor)
            for row in page.rows:
                self._hold(row)
            self._position = page.following
            if page.following == page.head:
                self._complete_at = question.asked_at
                self._forget()
            return True

    def judge(self, account: str, user: str, role: str, seq: int) -> Verdict:
        """Tell whether a token with this `seq` may be believed (rules 2, 4 and 6), all of it by one state of what is known."""
        with self._lock:
            if self._clock.steady() - self._complete_at > FEED_TRUSTED_SECONDS:
                return Verdict.UNKNOWN
            if seq < self._floor:
                return Verdict.TOO_OLD
            rows = self._rows
            if rows.get(("membership", account, user), 0) > seq:
                return Verdict.MEMBERSHIP
            if rows.get(("role", account, role), 0) > seq:
                return Verdict.ROLE
            if rows.get(("account", account, account), 0) > seq:
                return Verdict.ACCOUNT
            return Verdict.GOOD

    @property
    def is_fresh(self) -> bool:
        """Whether anybody is believed at present (rule 6)."""
        return self.age_seconds <= FEED_TRUSTED_SECONDS

    @property
    def position(self) -> int | None:
        """The number up to which the feed was read; None before the first answer."""
        return self._position

    @property
    def age_seconds(self) -> float:
        """How long ago the request was sent after whose answer everything was known; infinite before the first."""
        return self._clock.steady() - self._complete_at

    def _begin_anew(self, floor: int) -> None:
        """Rule 2; until everything is known again, nobody is believed, since rows that were forgotten may stand in pages to come."""
        self._rows.clear()
        self._received.clear()
        self._floor = floor
        self._complete_at = _NEVER

    def _hold(self, row: Row) -> None:
        """Rule 3; rows of other kinds make nothing void that is held here."""
        if row.about[0] in _KINDS:
            self._rows[row.about] = max(row.number, self._rows.get(row.about, 0))
            self._received.append((self._clock.steady(), row))

    def _forget(self) -> None:
        """Rule 7: forget old rows, and judge by the floor what they spoke against."""
        old = self._clock.steady() - ROWS_KEPT_SECONDS
        while self._received and self._received[0][0] < old:
            _, row = self._received.popleft()
            self._floor = max(self._floor, row.number)
            if self._rows.get(row.about) == row.number:
                del self._rows[row.about]


def _follows(question: Question, page: FeedPage) -> bool:
    """Rule 1 and 3: without a reset the rows come after what was asked for, and the feed never goes back."""
    if page.floor is not None:
        return True
    first = page.rows[0].number if page.rows else page.following + 1
    return question.since is not None and question.since < first and question.since <= page.following


def _read_row(value: object) -> Row:
    match value:
        case [int(number), str(kind), str(account), str(subject), str()] if not isinstance(number, bool):
            return Row(number, (kind, account, subject))
        case _:
            raise ValueError("a row of the feed is not as it should be")
