"""The state of the revocation feed, whatever answers do on their way: come twice, too late, in another order, or never."""

from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile_sdk import Clock
from domicile_sdk.exchange import Fields
from domicile_sdk.revocation import FeedPage, Question, RevocationFeed, Row, Verdict
from tests.support.sdk import SteadyClock

ACCOUNTS, USERS, ROLES = ("1", "2"), ("ann", "bob"), ("reader", "writer")


@dataclass
class Log:
    """A region's access log, and what its feed answers."""

    rows: list[Row] = field(default_factory=list)
    head: int = 0
    forgotten: int = 0

    def append(self, kind: str, account: str, subject: str) -> None:
        self.head += 1
        self.rows.append(Row(self.head, (kind, account, subject)))

    def forget(self) -> None:
        self.forgotten = self.head

    def answer(self, since: int | None, most: int) -> FeedPage:
        is_new = since is None or not self.forgotten <= since <= self.head
        after = self.forgotten if since is None or is_new else since
        rows = [row for row in self.rows if row.number > after][:most]
        following = rows[-1].number if len(rows) == most else self.head
        return FeedPage(tuple(rows), self.head, following, after if is_new else None)

    def is_void(self, account: str, user: str, role: str, seq: int, *, by: int) -> bool:
        """Tell by the whole log whether one of its first `by` rows speaks against a token."""
        about = {("membership", account, user), ("role", account, role), ("account", account, account)}
        return any(row.about in about and seq < row.number <= by for row in self.rows)


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("row"), st.sampled_from(["membership", "role", "account", "api-key"]), st.integers(0, 3)
        ),
        st.tuples(st.just("ask"), st.sampled_from([1, 2, 100]), st.just(0)),
        st.tuples(st.just("deliver"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("pass"), st.sampled_from([1, 30, 59, 901]), st.just(0)),
        st.tuples(st.just("forget"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=300)
@given(steps=STEPS)
def test_no_void_token_is_ever_believed_and_a_good_one_is_once_everything_is_known(steps: list[tuple]):
    log, clock = Log(), SteadyClock()
    feed = RevocationFeed(Clock(steady=clock))
    sent: list[tuple[Question, FeedPage, int]] = []
    heads: list[tuple[float, int]] = [(clock.seconds, 0)]
    refused: set[tuple[str, str, str, int]] = set()
    for what, one, two in steps:
        clock.seconds += 0.001  # so that each moment has one head
        match what:
            case "row":
                account = ACCOUNTS[two % 2]
                subject = {"membership": USERS[two // 2], "role": ROLES[two // 2], "account": account}
                log.append(one, account, subject.get(one, "key"))
            case "ask":
                question = feed.ask()
                sent.append((question, log.answer(question.since, one), log.head))
            case "deliver" if sent:
                question, page, _ = sent[one % len(sent)]
                feed.take(question, page)
            case "pass":
                clock.seconds += one
            case "forget":
                log.forget()
            case _:
                continue
        heads.append((clock.seconds, log.head))
        _check_that_nothing_void_is_believed(feed, log, heads, clock, refused)
    question = feed.ask()
    assert feed.take(question, log.answer(question.since, 10**6))
    for account, user, role in product(ACCOUNTS, USERS, ROLES):
        assert feed.judge(account, user, role, log.head) is Verdict.GOOD


def _check_that_nothing_void_is_believed(
    feed: RevocationFeed,
    log: Log,
    heads: list[tuple[float, int]],
    clock: SteadyClock,
    refused: set[tuple[str, str, str, int]],
) -> None:
    """Whatever was in the log when the feed says that it knew everything counts, and what was refused once is never believed again."""
    known = max((head for at, head in heads if at < clock.seconds - feed.age_seconds), default=0)
    for token in product(ACCOUNTS, USERS, ROLES, range(log.head + 1)):
        match feed.judge(*token):
            case Verdict.GOOD:
                assert feed.age_seconds <= 60
                assert token not in refused and not log.is_void(*token, by=known)
            case Verdict.UNKNOWN:
                continue
            case _:
                refused.add(token)


def begun(*, floor: int = 0, rows: tuple[Row, ...] = (), head: int = 0) -> tuple[RevocationFeed, SteadyClock]:
    clock = SteadyClock()
    feed = RevocationFeed(Clock(steady=clock))
    assert feed.take(feed.ask(), FeedPage(rows, head, head, floor))
    return feed, clock


REMOVAL = ("membership", "1", "ann")


def test_a_row_makes_void_what_knows_of_fewer_changes_and_nothing_else():
    feed, _ = begun(
        rows=(Row(7, REMOVAL), Row(8, ("role", "2", "writer")), Row(9, ("account", "3", "3"))), head=9
    )

    assert feed.judge("1", "ann", "reader", 6) is Verdict.MEMBERSHIP
    assert feed.judge("1", "ann", "reader", 7) is Verdict.GOOD
    assert feed.judge("1", "bob", "reader", 6) is Verdict.GOOD
    assert feed.judge("2", "ann", "reader", 6) is Verdict.GOOD
    assert feed.judge("2", "bob", "writer", 7) is Verdict.ROLE
    assert feed.judge("1", "bob", "writer", 7) is Verdict.GOOD
    assert feed.judge("3", "bob", "reader", 8) is Verdict.ACCOUNT


def test_nothing_is_believed_before_the_first_answer_and_between_a_reset_and_its_last_page():
    feed = RevocationFeed(Clock(steady=SteadyClock()))
    assert feed.judge("1", "ann", "reader", 9) is Verdict.UNKNOWN
    feed, _ = begun(head=3)

    assert feed.take(feed.ask(), FeedPage((Row(5, REMOVAL),), 9, 5, 4))

    assert feed.judge("1", "bob", "reader", 9) is Verdict.UNKNOWN
    assert feed.take(feed.ask(), FeedPage((), 9, 9, None))
    assert feed.judge("1", "bob", "reader", 4) is Verdict.GOOD
    assert feed.judge("1", "bob", "reader", 3) is Verdict.TOO_OLD


def test_what_was_held_before_a_reset_is_forgotten_so_that_a_restored_region_can_begin_again():
    feed, _ = begun(rows=(Row(7, REMOVAL),), head=9)

    assert feed.take(feed.ask(), FeedPage((), 3, 3, 2))

    assert feed.judge("1", "ann", "reader", 3) is Verdict.GOOD


def test_an_answer_to_an_earlier_question_changes_nothing_not_even_one_that_begins_anew():
    feed, _ = begun(head=3)
    early = feed.ask()
    assert feed.take(feed.ask(), FeedPage((Row(4, REMOVAL),), 4, 4, None))

    assert not feed.take(early, FeedPage((), 3, 3, 0))

    assert feed.position == 4
    assert feed.judge("1", "ann", "reader", 3) is Verdict.MEMBERSHIP


def test_the_minute_counts_from_the_sending_and_pages_that_leave_more_to_read_do_not_count():
    feed, clock = begun(head=1)
    question = feed.ask()
    clock.seconds += 20
    assert feed.take(question, FeedPage((), 1, 1, None))
    assert feed.age_seconds == 20
    clock.seconds += 30
    assert feed.take(feed.ask(), FeedPage((Row(2, REMOVAL),), 9, 2, None))
    assert feed.age_seconds == 50


def test_a_row_that_was_forgotten_after_a_quarter_of_an_hour_leaves_a_floor():
    feed, clock = begun(rows=(Row(7, REMOVAL),), head=9)
    clock.seconds += 901
    assert feed.take(feed.ask(), FeedPage((), 9, 9, None))

    assert feed.judge("1", "ann", "reader", 6) is Verdict.TOO_OLD
    assert feed.judge("1", "ann", "reader", 7) is Verdict.GOOD
    assert feed._rows == {}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": [], "head": 3, "next": 4, "reset": False},
        {"rows": [], "head": 3, "next": 3, "reset": True},
        {"rows": [], "head": 3, "next": 1, "reset": True, "floor": 2},
        {
            "rows": [[2, "role", "1", "x", ""], [1, "role", "1", "x", ""]],
            "head": 3,
            "next": 3,
            "reset": False,
        },
        {"rows": [[4, "role", "1", "x", ""]], "head": 5, "next": 3, "reset": False},
        {"rows": [[True, "role", "1", "x", ""]], "head": 5, "next": 3, "reset": False},
        {"rows": [[1, "role"]], "head": 5, "next": 3, "reset": False},
        {"rows": "no", "head": 5, "next": 3, "reset": False},
    ],
)
def test_an_answer_that_contradicts_itself_is_not_taken(body: dict):
    with pytest.raises(ValueError, match=r"is not|contradict"):
        FeedPage.of(Fields(body))


def test_an_answer_that_leaves_a_gap_or_goes_back_without_saying_so_is_not_taken():
    feed, _ = begun(head=5)

    for page in (FeedPage((Row(5, REMOVAL),), 6, 6, None), FeedPage((), 4, 4, None)):
        assert not feed.take(feed.ask(), page)

    assert feed.position == 5
