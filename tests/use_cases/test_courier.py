"""The courier, step by step: what it brings where, what it sets aside, and what it does while something is out of reach."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from structlog.testing import capture_logs

from domicile.directory.accounts.store import RESERVED
from domicile.directory.accounts.store import accounts as entries
from domicile.directory.feed.store import USER_CHANGED, append_feed, feed, list_feed
from domicile.identity.users.store import read_member_card
from domicile.infra.databases import DirectoryTx, _open_transaction
from domicile.infra.idempotency import RequestKey
from domicile.infra.outbox import OutboxRow
from domicile.kernel.callers import MemberCard
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.paging import PageRequest
from domicile.kernel.roles import READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.access_log.store import access_log
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account, list_my_accounts
from domicile.region.accounts.store import accounts
from domicile.region.courier.service import Courier
from domicile.region.courier.store import read_cursor
from domicile.region.memberships.service import remove_member
from domicile.region.memberships.store import member_cards
from domicile.region.outbox.store import outbox
from domicile.region.standing.service import Standings
from tests.support.crossing import DISCREET, OPEN, PARK_AFTER, Fate, Killed, LiveRegion, Platform, platform

CANARY = "canary-77ab"


@pytest.fixture
async def all_of_it(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[Platform]:
    """A platform with two people, on each engine."""
    urls = {name: make_database(name) for name in ("identity", OPEN, DISCREET)}
    async with platform(
        urls["identity"], {name: urls[name] for name in (OPEN, DISCREET)}, tmp_path
    ) as opened:
        await opened.add_person()
        await opened.add_person()
        yield opened


@pytest.fixture
def region(all_of_it: Platform) -> LiveRegion:
    return all_of_it.regions[OPEN]


async def create(
    all_of_it: Platform, region: LiveRegion, fate: Fate | None = None, request: RequestKey | None = None
) -> AccountId:
    """Make an account of the first person's."""
    person = await all_of_it.person(all_of_it.people[0])
    new = NewAccount("Example Labs", region.id, "en", "UTC")
    return (await create_account(region.plane_of(fate or Fate()), person, new, request)).id


async def listed(all_of_it: Platform, user: UserId) -> list[tuple[AccountId, str | None, str | None]]:
    """What a person sees of their accounts before entering any."""
    directory = all_of_it.regions[OPEN].plane.directory
    page = await list_my_accounts(directory, user, PageRequest(25, None))
    return [(entry.account_id, entry.alias, entry.role_id) for entry in page.items]


async def join_second_person(all_of_it: Platform, region: LiveRegion, account: AccountId) -> UserId:
    user = all_of_it.people[1]
    await all_of_it.join(region, account, await all_of_it.person(user), READ_ONLY)
    return user


async def names_on_cards(region: LiveRegion) -> list[str]:
    return [row.name for row in await region.all(member_cards)]


async def test_an_account_and_its_owner_reach_the_directory(all_of_it: Platform, region: LiveRegion):
    account = await create(all_of_it, region)
    await region.carry()

    assert await listed(all_of_it, all_of_it.people[0]) == [(account, "Example Labs", "full-access")]


async def test_a_discreet_region_tells_the_directory_neither_alias_nor_role(all_of_it: Platform):
    discreet = all_of_it.regions[DISCREET]
    account = await create(all_of_it, discreet)
    await discreet.carry()

    assert await listed(all_of_it, all_of_it.people[0]) == [(account, None, None)]


async def test_a_removed_member_no_longer_finds_the_account(all_of_it: Platform, region: LiveRegion):
    account = await create(all_of_it, region)
    user = await join_second_person(all_of_it, region, account)
    await region.carry()
    assert await listed(all_of_it, user) == [(account, "Example Labs", "read-only")]

    owner = all_of_it.owner(region, account, all_of_it.people[0])
    await remove_member(region.plane, owner, user, expecting(None))
    await region.carry()

    assert await listed(all_of_it, user) == []
    assert "User 2" not in await names_on_cards(region)


async def test_a_change_of_a_person_reaches_only_the_regions_where_they_are_a_member(all_of_it: Platform):
    here, elsewhere = all_of_it.regions[OPEN], all_of_it.regions[DISCREET]
    await create(all_of_it, here)
    await here.carry()
    await all_of_it.rename(all_of_it.people[0], "Ann Newname")

    rows = await all_of_it.identity.read(lambda tx: tx.all(select(feed.c.region_id, feed.c.subject_id)))
    assert {(row.region_id, row.subject_id) for row in rows} == {(OPEN, all_of_it.people[0])}
    await here.carry()
    assert await names_on_cards(here) == ["Ann Newname"]
    assert await names_on_cards(elsewhere) == []


async def test_a_person_who_changes_between_joining_and_the_index_has_a_card_that_is_right(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await all_of_it.rename(all_of_it.people[0], "Ann Newname")

    await region.carry()

    assert await names_on_cards(region) == ["Ann Newname"]


async def test_a_change_that_runs_beside_the_index_is_not_lost(all_of_it: Platform, region: LiveRegion):
    """The change saw no membership, the index an old card: one of the two has to begin again."""
    await create(all_of_it, region)
    renamed: list[asyncio.Task[None]] = []

    async def slow_card(tx: DirectoryTx, user: UserId) -> MemberCard | None:
        card = await read_member_card(tx, user)
        if not renamed:
            renamed.append(asyncio.create_task(_apart(all_of_it.rename(user, "Ann Newname"))))
            await asyncio.wait({renamed[0]}, timeout=0.3)  # SQLite lets it wait, PostgreSQL lets it commit
        return card

    courier = Courier(region.plane, slow_card, {})
    while await courier.deliver_outbox():
        pass
    await asyncio.gather(*renamed)
    await courier.pull_feed()

    assert await names_on_cards(region) == ["Ann Newname"]


async def test_a_password_change_gives_the_card_its_new_epoch_and_tells_the_access_log(
    all_of_it: Platform, region: LiveRegion
):
    account = await create(all_of_it, region)
    await region.carry()
    before = await _log_of(region)
    await all_of_it.raise_epoch(all_of_it.people[0])

    await region.carry()

    assert [row.epoch for row in await region.all(member_cards)] == [1]
    assert await _log_of(region) == [*before, ("membership", account, all_of_it.people[0])]


async def test_feed_rows_that_come_again_change_nothing_and_tell_nobody(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await region.carry()
    before = await _log_of(region)
    user = all_of_it.people[0]
    for _ in range(3):
        await all_of_it.identity.run_tx(
            lambda tx: append_feed(tx, OPEN, USER_CHANGED, subject_id=user, version=1, now=all_of_it.clock())
        )

    await region.carry()

    assert await _log_of(region) == before


async def test_a_feed_longer_than_one_page_is_read_to_its_end(all_of_it: Platform, region: LiveRegion):
    await create(all_of_it, region)
    await region.carry()
    for number in range(120):
        await all_of_it.rename(all_of_it.people[0], f"Ann {number}")

    assert await region.courier().pull_feed() == 120
    assert await names_on_cards(region) == ["Ann 119"]


async def test_rows_of_the_feed_that_were_applied_are_forgotten_and_others_stay(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await region.carry()
    await all_of_it.rename(all_of_it.people[0], "Ann Applied")
    await region.courier().pull_feed()
    await all_of_it.rename(all_of_it.people[0], "Ann Waiting")

    assert await region.courier().forget_applied_feed() > 0

    assert await region.courier().pull_feed() == 1
    assert await names_on_cards(region) == ["Ann Waiting"]


# ---------------------------------------------------------------- killed


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
async def test_wherever_a_courier_is_killed_the_next_one_brings_it_to_the_same_end(
    all_of_it: Platform, region: LiveRegion, moment: str
):
    account = await create(all_of_it, region)
    await region.carry()
    killed = 0
    for call in range(1, 40):
        await all_of_it.rename(all_of_it.people[0], f"Ann {call}")
        await join_second_person(all_of_it, region, account)
        try:
            await region.carry(Fate(call, moment))
        except Killed:
            killed += 1
        all_of_it.clock.advance(minutes=2)
        await region.carry()
        assert await all_of_it.differences() == [], f"killed {moment} call {call}"
        owner = all_of_it.owner(region, account, all_of_it.people[0])
        await remove_member(region.plane, owner, all_of_it.people[1], expecting(None))
    assert killed > 8


@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("call", [1, 2])
async def test_a_creation_that_dies_between_the_planes_shows_no_half_account_and_goes_on_when_repeated(
    all_of_it: Platform, region: LiveRegion, call: int, moment: str
):
    request = RequestKey(b"key", b"digest")
    with pytest.raises(Killed):
        await create(all_of_it, region, Fate(call, moment), request)
    await region.carry()
    seen = await listed(all_of_it, all_of_it.people[0])
    assert [account for account, *_ in seen] == [row.account_id for row in await region.all(accounts)]

    account = await create(all_of_it, region, request=request)
    await region.carry()

    assert await listed(all_of_it, all_of_it.people[0]) == [(account, "Example Labs", "full-access")]
    assert not seen or seen[0][0] == account
    reserved = select(entries.c.account_id).where(entries.c.state == RESERVED)
    assert await all_of_it.identity.read(lambda tx: tx.all(reserved)) == []


async def test_a_request_is_forgotten_after_a_day_and_its_account_stays(
    all_of_it: Platform, region: LiveRegion
):
    request = RequestKey(b"key", b"digest")
    first = await create(all_of_it, region, None, request)
    assert await create(all_of_it, region, None, request) == first
    assert await region.courier().forget_requests() == 0

    all_of_it.clock.advance(hours=25)

    assert await region.courier().forget_requests() == 1
    assert await create(all_of_it, region, None, request) != first
    await region.carry()
    assert len(await listed(all_of_it, all_of_it.people[0])) == 2


async def test_two_couriers_at_once_do_each_thing_once_or_again_to_one_end(
    all_of_it: Platform, region: LiveRegion
):
    account = await create(all_of_it, region)
    await join_second_person(all_of_it, region, account)
    for number in range(10):
        await all_of_it.rename(all_of_it.people[0], f"Ann {number}")

    await asyncio.gather(region.carry(), region.carry(), region.carry())
    await region.carry()

    assert await all_of_it.differences() == []


# ---------------------------------------------------------------- poison


async def test_a_row_of_an_unknown_kind_is_parked_and_the_others_go_on(
    all_of_it: Platform, region: LiveRegion
):
    await region.plane.database.run_tx(
        lambda tx: region.plane.outbox.append(tx, "unheard-of", owner_id="000000000000", subject_id=CANARY)
    )
    account = await create(all_of_it, region)
    with capture_logs() as logs:
        for _ in range(PARK_AFTER):
            await region.carry()
            all_of_it.clock.advance(hours=1)

    assert [(row.kind, row.parked_at is not None) for row in await region.all(outbox)] == [
        ("unheard-of", True)
    ]
    assert [entry[0] for entry in await listed(all_of_it, all_of_it.people[0])] == [account]
    assert CANARY not in str(logs)


async def test_an_account_that_the_directory_does_not_know_is_parked_and_seen(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await all_of_it.identity.run_tx(lambda tx: tx.execute(delete(entries)))

    for _ in range(PARK_AFTER):
        await region.carry()
        all_of_it.clock.advance(hours=1)

    waiting = await region.plane.database.read(lambda tx: region.plane.outbox.list_waiting(tx, at_most=10))
    assert {row.kind: row.parked_at is not None for row in waiting} == {
        "account-index": True,
        "membership-index": True,
    }


async def test_a_feed_row_of_an_unknown_kind_is_parked_and_the_others_go_on(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await region.carry()
    await _append_strange(all_of_it)
    await all_of_it.rename(all_of_it.people[0], "Ann Newname")

    for _ in range(PARK_AFTER):
        await region.carry()

    assert len(await region.parked_feed()) == 1
    assert await names_on_cards(region) == ["Ann Newname"]


async def test_a_parked_feed_row_is_applied_when_it_can_be(all_of_it: Platform, region: LiveRegion):
    await create(all_of_it, region)
    await region.carry()

    async def broken_card(_tx: DirectoryTx, _user: UserId) -> MemberCard | None:
        raise ValueError(CANARY)

    await all_of_it.rename(all_of_it.people[0], "Ann Newname")
    await _append_strange(all_of_it)
    broken = Courier(region.plane, broken_card, {})
    with capture_logs() as logs:
        for _ in range(PARK_AFTER * 2):
            await broken.pull_feed()
    assert CANARY not in str(logs)
    first, second = await region.parked_feed()
    assert await broken.retry_parked_feed() == 0

    courier = region.courier()
    assert await courier.retry_parked_feed(second) == 0
    assert await names_on_cards(region) == ["User 1"]
    assert await courier.retry_parked_feed() == 1

    assert await names_on_cards(region) == ["Ann Newname"]
    assert await region.parked_feed() == [second] != [first]


async def test_a_row_that_another_courier_has_applied_meanwhile_is_not_parked(
    all_of_it: Platform, region: LiveRegion
):
    await create(all_of_it, region)
    await region.carry()
    await all_of_it.rename(all_of_it.people[0], "Ann Newname")
    other = region.courier()

    async def broken_card(_tx: DirectoryTx, _user: UserId) -> MemberCard | None:
        raise ValueError

    unlucky = Courier(region.plane, broken_card, {})
    for _ in range(PARK_AFTER - 1):
        await unlucky.pull_feed()
    read = await region.plane.database.read(read_cursor)
    (row,) = await region.plane.directory.read(lambda tx: list_feed(tx, OPEN, after=read[0], at_most=50))
    await other.pull_feed()
    await unlucky._count_or_park(row, before=read[0], attempts=PARK_AFTER, error="ValueError")

    assert await region.parked_feed() == []


# ---------------------------------------------------------------- out of reach


async def test_while_the_directory_is_dark_nothing_is_parked_and_the_region_goes_on(
    all_of_it: Platform, region: LiveRegion
):
    account = await create(all_of_it, region)
    await region.carry()
    await all_of_it.rename(all_of_it.people[0], "Ann Newname")
    user = await join_second_person(all_of_it, region, account)
    for _ in range(PARK_AFTER * 5):
        courier = region.courier(Fate(is_directory_dark=True))
        await courier.deliver_outbox()
        with pytest.raises(DomainError, match="database-unavailable"):
            await courier.pull_feed()
        all_of_it.clock.advance(minutes=1)
    assert await listed(all_of_it, user) == []

    await all_of_it.settle()

    assert await all_of_it.differences() == []
    assert [entry[0] for entry in await listed(all_of_it, user)] == [account]


async def test_the_operator_sees_what_waits_for_a_dark_directory(all_of_it: Platform, region: LiveRegion):
    await create(all_of_it, region)
    await region.courier(Fate(is_directory_dark=True)).deliver_outbox()

    waiting = await region.plane.database.read(lambda tx: region.plane.outbox.list_waiting(tx, at_most=10))

    assert {(row.kind, row.last_error, row.parked_at) for row in waiting} == {
        ("account-index", "database-unavailable", None),
        ("membership-index", "database-unavailable", None),
    }


async def test_indexing_at_once_is_done_when_it_returns_though_a_worker_has_claimed_the_rows(
    all_of_it: Platform, region: LiveRegion
):
    account = await create(all_of_it, region)
    for row in await region.plane.database.read(lambda tx: region.plane.outbox.list_due(tx, at_most=10)):
        assert await region.plane.database.run_tx(lambda tx, row=row: region.plane.outbox.claim(tx, row))

    await region.courier().index_now(account)

    assert [entry[0] for entry in await listed(all_of_it, all_of_it.people[0])] == [account]
    assert await region.all(outbox) == []


async def test_indexing_at_once_never_fails_the_request(all_of_it: Platform, region: LiveRegion):
    account = await create(all_of_it, region)

    with capture_logs() as logs:
        await region.courier(Fate(is_directory_dark=True)).index_now(account)

    assert [(log["event"], log["error"]) for log in logs] == [("at_once_failed", "database-unavailable")]
    await all_of_it.settle()
    assert await all_of_it.differences() == []


async def test_indexing_at_once_does_not_wait_for_a_directory_that_is_silent(
    all_of_it: Platform, region: LiveRegion, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.region.courier.service._AT_ONCE_SECONDS", 0.05)
    account = await create(all_of_it, region)
    courier = region.courier()
    heard, index_account = asyncio.Event(), courier._index_account

    async def silent(row: OutboxRow) -> None:
        await heard.wait()
        await index_account(row)

    courier._handlers["account-index"] = silent
    async with asyncio.timeout(10):
        await courier.index_now(account)
    assert await listed(all_of_it, all_of_it.people[0]) == []
    heard.set()
    await asyncio.gather(*courier._under_way)

    assert await all_of_it.differences() == []


async def _append_strange(all_of_it: Platform) -> None:
    await all_of_it.identity.run_tx(
        lambda tx: append_feed(tx, OPEN, "unheard-of", subject_id=CANARY, version=1, now=all_of_it.clock())
    )


async def _log_of(region: LiveRegion) -> list[tuple[str, str, str]]:
    return [(row.kind, row.account_id, row.subject_id) for row in await region.all(access_log)]


async def _apart(work) -> None:
    """Run something in a task that has left the transaction around it, as another request would."""
    _open_transaction.set(None)
    await work


async def test_a_change_that_another_process_applied_first_counts_here_too_once_it_was_asked_for(
    all_of_it: Platform, region: LiveRegion
):
    account = await create(all_of_it, region)
    user = await join_second_person(all_of_it, region, account)
    await region.carry()
    here = Standings(region.id, region.plane.database, region.plane.catalogue, monotonic=lambda: 0.0)
    copy = await here.find_member(account, user)
    assert copy is not None
    await all_of_it.raise_epoch(user)
    await region.courier().pull_feed()
    assert here.peek_member(account, user) is copy

    plane = replace(region.plane, bump_access_log=here.bump)
    await Courier(plane, region.read_card, {}).pull_now()

    assert here.peek_member(account, user) is None
