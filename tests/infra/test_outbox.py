"""The outbox and its delivery: each row once or again, failing ones set aside, none in the way of others."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import MetaData, select
from structlog.testing import capture_logs

from domicile.infra.databases import Database, RegionTx, region_database
from domicile.infra.delivery import Delivery
from domicile.infra.mail.errors import MailDeferred, MailUnreachable
from domicile.infra.outbox import NotYet, Outbox, OutboxRow, define_outbox
from domicile.kernel.errors import DomainError, ErrorKind, conflict
from domicile.kernel.ids import RegionId

CANARY = "canary-81c2"
PARK_AFTER = 3
metadata = MetaData()
table = define_outbox(metadata, "account_id")


@dataclass
class Post:
    """An outbox with a delivery whose effects are noted, and fail as told."""

    database: Database[RegionTx]
    now: datetime = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    begun: datetime = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
    wakes: int = 0
    delivered: list[str] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    failing: dict[str, Exception] = field(default_factory=dict)
    """By subject."""
    meanwhile: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.outbox = Outbox(table, lambda: self.now, park_after=PARK_AFTER, wake=self._wake)
        self.delivery = Delivery("de-1", self.database, self.outbox, self._handle)

    def _wake(self) -> None:
        self.wakes += 1

    async def _handle(self, row: OutboxRow) -> None:
        self.tried.append(row.subject_id)
        self.meanwhile()
        if (failure := self.failing.get(row.subject_id)) is not None:
            raise failure
        self.delivered.append(row.subject_id)

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def put(self, *subjects: str, kind: str = "mail", owner: str = "account") -> None:
        for subject in subjects:
            self.advance(microseconds=1)
            await self.database.run_tx(
                lambda tx, subject=subject: self.outbox.append(tx, kind, owner_id=owner, subject_id=subject)
            )

    async def deliver(self, *, seconds: float = 0) -> int:
        self.advance(seconds=seconds)
        return await self.delivery.deliver_due()

    async def left(self) -> list[str]:
        rows = await self.database.read(lambda tx: tx.all(select(table.c.subject_id).order_by(table.c.id)))
        return [row.subject_id for row in rows]

    async def waiting(self) -> list[OutboxRow]:
        return list(await self.database.read(lambda tx: self.outbox.list_waiting(tx, at_most=100)))


@pytest.fixture
async def post(make_database: Callable[[str], str]) -> AsyncGenerator[Post]:
    database = region_database(make_database("region"), RegionId("de-1"))
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield Post(database)
    await database.close()


def out_of_reach() -> DomainError:
    return DomainError(ErrorKind.UNAVAILABLE, "mail-unavailable", "No mail server.")


async def test_rows_are_delivered_once_oldest_first_and_struck(post: Post):
    await post.put("a", "b", "c")

    assert [await post.deliver(), await post.deliver()] == [3, 0]
    assert (post.delivered, await post.left()) == (["a", "b", "c"], [])


async def test_a_row_of_a_change_that_was_refused_never_was(post: Post):
    async def work(tx: RegionTx) -> None:
        await post.outbox.append(tx, "mail", owner_id="account", subject_id="a")
        raise conflict("no", "No.")

    with pytest.raises(DomainError):
        await post.database.run_tx(work)

    assert (await post.deliver(), await post.left(), post.wakes) == (0, [], 0)


async def test_a_committed_row_wakes_the_worker(post: Post):
    await post.put("a")

    assert post.wakes == 1


async def test_a_failing_row_is_put_off_for_longer_each_time_and_then_parked(post: Post):
    post.failing["bad"] = ValueError(CANARY)
    await post.put("bad")
    waits: list[timedelta] = []
    for _ in range(PARK_AFTER):
        assert await post.deliver() == 0
        row = await post.database.read(lambda tx: tx.first(select(table.c.due_at)))
        assert row is not None
        waits.append(row.due_at - post.now)
        post.now = row.due_at

    (row,) = await post.waiting()
    assert (row.attempts, row.last_error, row.parked_at is not None) == (PARK_AFTER, "ValueError", True)
    assert all(shorter < longer for shorter, longer in pairwise(waits))
    assert await post.deliver(seconds=1e6) == 0
    assert post.tried == ["bad"] * PARK_AFTER


async def test_rows_behind_a_failing_one_are_delivered_in_the_same_round(post: Post):
    post.failing["bad"] = ValueError()
    await post.put("bad", "a", "b")

    await post.deliver()

    assert post.delivered == ["a", "b"]


async def test_a_failure_is_told_by_its_name_and_never_by_its_words(post: Post):
    post.failing["bad"] = ValueError(CANARY)
    await post.put("bad")

    with capture_logs() as logs:
        await post.deliver()

    assert [(log["event"], log["error"], log["kind"]) for log in logs] == [
        ("delivery_failed", "ValueError", "mail")
    ]
    assert CANARY not in f"{logs} {await post.waiting()}"


async def test_a_parked_row_goes_again_when_told_to(post: Post):
    post.failing["bad"] = ValueError()
    await post.put("bad", "worse")
    post.failing["worse"] = ValueError()
    for _ in range(PARK_AFTER):
        await post.deliver(seconds=1000)
    post.failing.clear()
    parked = {row.subject_id: row.id for row in await post.waiting()}

    assert await post.database.run_tx(lambda tx: post.outbox.retry_parked(tx, parked["bad"])) == 1
    await post.deliver()
    assert (post.delivered, await post.left()) == (["bad"], ["worse"])

    assert await post.database.run_tx(lambda tx: post.outbox.retry_parked(tx, None)) == 1
    await post.deliver()
    assert (post.delivered, await post.left()) == (["bad", "worse"], [])


async def test_a_mail_that_is_put_off_is_tried_for_days_before_it_is_parked(post: Post):
    post.failing["a"] = MailDeferred("server-451")
    await post.put("a")
    for _ in range(PARK_AFTER * 10):
        await post.deliver(seconds=600)
    (row,) = await post.waiting()
    assert (row.parked_at, row.attempts, row.last_error) == (None, PARK_AFTER * 10, "server-451")

    for _ in range(432):
        await post.deliver(seconds=600)
    (row,) = await post.waiting()

    assert row.parked_at is not None
    assert 3 <= (row.parked_at - post.begun).days + 1 <= 4


async def test_tries_come_to_be_ten_minutes_apart(post: Post):
    post.failing["a"] = MailDeferred("server-451")
    await post.put("a")
    for _ in range(12):
        await post.deliver(seconds=3600)

    tries = len(post.tried)
    await post.deliver(seconds=599)
    assert len(post.tried) == tries
    await post.deliver(seconds=1)
    assert len(post.tried) == tries + 1


async def test_a_mail_server_that_is_away_parks_nothing(post: Post):
    post.failing["a"] = MailUnreachable("connection")
    await post.put("a")
    for _ in range(PARK_AFTER * 10):
        await post.deliver(seconds=60)
    (row,) = await post.waiting()

    assert (row.parked_at, row.attempts, row.last_error) == (None, 0, "connection")


async def test_a_row_for_which_nothing_is_ever_in_reach_holds_up_no_other_of_its_kind(post: Post):
    post.failing["a"] = MailUnreachable("timeout")
    await post.put("a", "b", "c")
    for _ in range(3):
        await post.deliver(seconds=6)
    assert (post.delivered, await post.left()) == (["b", "c"], ["a"])


async def test_an_outage_never_parks_however_long_it_lasts(post: Post):
    post.failing["a"] = out_of_reach()
    await post.put("a")
    for _ in range(PARK_AFTER * 10):
        await post.deliver(seconds=60)
    (row,) = await post.waiting()
    assert (row.parked_at, row.attempts, row.last_error) == (None, 0, "mail-unavailable")

    post.failing.clear()
    await post.deliver(seconds=60)

    assert post.delivered == ["a"]


async def test_an_outage_costs_one_wait_a_round_and_holds_up_no_other_kind(post: Post):
    mails = [f"mail-{number}" for number in range(120)]
    post.failing = dict.fromkeys(mails, out_of_reach())
    await post.put(*mails)
    await post.put("a", "b", kind="index")

    assert await post.deliver() == 0
    assert await post.deliver() == 2

    assert (post.tried, post.delivered) == (["mail-0", "a", "b"], ["a", "b"])


async def test_what_another_worker_has_claimed_is_left_to_it_for_a_minute(post: Post):
    await post.put("a")
    (row,) = await post.database.read(lambda tx: post.outbox.list_due(tx, at_most=10))

    assert await post.database.run_tx(lambda tx: post.outbox.claim(tx, row))
    assert not await post.database.run_tx(lambda tx: post.outbox.claim(tx, row))
    assert await post.deliver(seconds=59) == 0
    assert await post.deliver(seconds=2) == 1


async def test_a_row_that_changed_since_it_was_listed_is_not_claimed(post: Post):
    post.failing["a"] = ValueError()
    await post.put("a")
    (listed,) = await post.database.read(lambda tx: post.outbox.list_due(tx, at_most=10))
    await post.deliver()
    post.advance(seconds=60)

    assert not await post.database.run_tx(lambda tx: post.outbox.claim(tx, listed))


async def test_a_parked_row_is_not_claimed_from_an_old_list(post: Post):
    await post.put("a")
    (listed,) = await post.database.read(lambda tx: post.outbox.list_due(tx, at_most=10))
    parking = Outbox(table, lambda: post.now, park_after=1, wake=lambda: None)
    assert await post.database.run_tx(lambda tx: parking.fail(tx, listed, "ValueError"))
    post.advance(days=1)

    assert not await post.database.run_tx(lambda tx: post.outbox.claim(tx, listed))


async def test_an_owners_rows_of_a_kind_are_delivered_now_though_a_worker_has_claimed_them(post: Post):
    await post.put("mine", "mine too", kind="index")
    await post.put("theirs", kind="index", owner="another")
    await post.put("mail")
    for row in await post.database.read(lambda tx: post.outbox.list_due(tx, at_most=10)):
        await post.database.run_tx(lambda tx, row=row: post.outbox.claim(tx, row))

    await post.delivery.deliver_now("account", frozenset({"index"}))

    assert (post.delivered, await post.left()) == (["mine", "mine too"], ["theirs", "mail"])


async def test_what_fails_now_is_left_to_the_next_round_uncounted(post: Post):
    post.failing["a"] = out_of_reach()
    await post.put("a", kind="index")
    with pytest.raises(DomainError, match="mail-unavailable"):
        await post.delivery.deliver_now("account", frozenset({"index"}))

    post.failing.clear()

    assert (await post.deliver(), await post.waiting()) == (1, [])


async def test_a_row_that_may_not_be_brought_about_yet_waits_for_its_moment_and_holds_nobody_up(post: Post):
    await post.put("early", "other")
    due = post.now + timedelta(minutes=40)
    post.failing["early"] = NotYet(due, "address-mailed-too-often")

    assert await post.deliver() == 1
    assert post.delivered == ["other"]
    (waiting,) = await post.waiting()
    assert (waiting.subject_id, waiting.attempts, waiting.parked_at) == ("early", 0, None)
    assert waiting.last_error == "address-mailed-too-often"

    await post.deliver(seconds=39 * 60)
    assert post.tried.count("early") == 1
    del post.failing["early"]
    await post.deliver(seconds=61)
    assert post.delivered == ["other", "early"]


async def test_waiting_for_a_moment_is_no_failure_however_often_it_happens(post: Post):
    await post.put("early")

    for _ in range(PARK_AFTER + 2):
        post.failing["early"] = NotYet(post.now + timedelta(hours=1), "address-mailed-too-often")
        with capture_logs() as logs:
            await post.deliver(seconds=3600)
        assert logs == []

    (waiting,) = await post.waiting()
    assert (waiting.attempts, waiting.parked_at) == (0, None)
