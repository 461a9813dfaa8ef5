"""Copies of accesses: never older than the last change whose transaction has returned, in whatever order things happen."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile.infra.databases import Database, RegionTx, region_database
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import AccountId, UserId
from domicile.kernel.permissions import MembershipStanding, MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.kernel.urn import Principal
from domicile.kernel.versions import expecting
from domicile.region.access_log.store import forget_changes, list_changes, read_head
from domicile.region.history.domain import member_facts
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, log_membership_change, remove_member
from domicile.region.memberships.store import find_member, insert_member
from domicile.region.standing.domain import MemberCopy
from domicile.region.standing.service import Standings
from tests.support.joining import card, user_id
from tests.support.region import ACCOUNT, OWNER, LiveRegion, live_region

ANY_VERSION = expecting(None)
Access = tuple[str, str] | None
"""Role and state; None: no place in the account."""


def access_of(copy: MemberCopy | None) -> Access:
    if copy is None or not isinstance(copy.standing.place, MembershipStanding):
        return None
    return copy.role.id, copy.standing.place.state


@dataclass
class Hands:
    """Turns of seconds, by hand."""

    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Elsewhere:
    """Another process with copies of its own."""

    standings: Standings
    hands: Hands


async def join(live: LiveRegion, user: UserId) -> None:
    async def work(tx) -> None:
        version = await log_membership_change(
            live.plane, tx, ACCOUNT, user, member_facts(READ_ONLY, MemberState.ENABLED)
        )
        await insert_member(
            tx, ACCOUNT, card(int(user[-4:])), role=READ_ONLY, version=version, now=live.clock()
        )

    await live.plane.database.run_tx(work)


async def change(live: LiveRegion, user: UserId, role: str | None, state: MemberState | None) -> None:
    await change_member(live.plane, live.person(), user, MemberChange(role, state), ANY_VERSION)  # pyright: ignore[reportArgumentType]  # a role id written out


@pytest.fixture
def url(make_database: Callable[[str], str]) -> str:
    return make_database("region")


@pytest.fixture
async def live(url: str, tmp_path: Path) -> AsyncGenerator[LiveRegion]:
    async with live_region(url, tmp_path) as live:
        yield live


@pytest.fixture
async def elsewhere(live: LiveRegion, url: str) -> AsyncGenerator[Elsewhere]:
    database, hands = region_database(url, live.plane.id), Hands()
    yield Elsewhere(Standings(live.plane.id, database, live.plane.catalogue, monotonic=hands), hands)
    await database.close()


async def test_a_warm_question_touches_no_database_until_something_changes(live: LiveRegion):
    standings, user = live.door.standings, user_id(2)
    await join(live, user)
    before = access_of(await standings.find_member(ACCOUNT, user))

    async with live.counting_queries() as queries:
        assert access_of(await standings.find_member(ACCOUNT, user)) == before == ("read-only", "enabled")
        assert access_of(standings.peek_member(ACCOUNT, user)) == before
    assert queries == []

    await change(live, user, None, MemberState.DISABLED)
    assert standings.peek_member(ACCOUNT, user) is None
    assert access_of(await standings.find_member(ACCOUNT, user)) == ("read-only", "disabled")


async def test_a_change_drops_the_copies_it_names_and_no_others(live: LiveRegion):
    standings = live.door.standings
    await join(live, user_id(2))
    await standings.find_member(ACCOUNT, OWNER)
    await standings.find_member(ACCOUNT, user_id(2))

    await remove_member(live.plane, live.person(), user_id(2), ANY_VERSION)
    assert await standings.find_member(ACCOUNT, user_id(2)) is None

    assert standings.peek_member(ACCOUNT, OWNER) is not None


async def test_a_copy_that_was_loaded_while_its_subject_changed_is_not_kept(live: LiveRegion):
    standings, user = live.door.standings, user_id(2)
    await join(live, user)
    reading, read = live.plane.database.read, asyncio.Event()

    async def slow_read(work):
        result = await reading(work)
        if isinstance(result, MemberCopy) and not read.is_set():
            read.set()
            await change(live, user, FULL_ACCESS, None)
        return result

    live.plane.database.read = slow_read
    await standings.find_member(ACCOUNT, user)
    live.plane.database.read = reading

    assert access_of(await standings.find_member(ACCOUNT, user)) == ("full-access", "enabled")


async def test_a_copy_that_was_loaded_while_another_process_wrote_is_not_kept(
    live: LiveRegion, elsewhere: Elsewhere
):
    """Between the loading and the keeping, two seconds pass and another question reads the log."""
    user, standings = user_id(2), elsewhere.standings
    await join(live, user)
    await standings.find_member(ACCOUNT, OWNER)
    database = standings._database
    reading, read = database.read, asyncio.Event()

    async def slow_read(work):
        result = await reading(work)
        if isinstance(result, MemberCopy) and not read.is_set():
            read.set()
            await remove_member(live.plane, live.person(), user, ANY_VERSION)
            elsewhere.hands.seconds += 3
            await standings.find_member(ACCOUNT, OWNER)
        return result

    database.read = slow_read
    await standings.find_member(ACCOUNT, user)
    database.read = reading

    assert standings.peek_member(ACCOUNT, user) is None
    assert await standings.find_member(ACCOUNT, user) is None


async def test_a_change_by_another_process_is_seen_after_a_poll(live: LiveRegion, elsewhere: Elsewhere):
    user = user_id(2)
    await join(live, user)
    assert access_of(await elsewhere.standings.find_member(ACCOUNT, user)) == ("read-only", "enabled")

    await remove_member(live.plane, live.person(), user, ANY_VERSION)
    await elsewhere.standings.poll()

    assert elsewhere.standings.peek_member(ACCOUNT, user) is None
    assert await elsewhere.standings.find_member(ACCOUNT, user) is None


async def test_without_a_poll_a_change_by_another_process_is_seen_within_two_seconds(
    live: LiveRegion, elsewhere: Elsewhere
):
    user = user_id(2)
    await join(live, user)
    await elsewhere.standings.find_member(ACCOUNT, user)

    await remove_member(live.plane, live.person(), user, ANY_VERSION)
    elsewhere.hands.seconds += 2

    assert elsewhere.standings.peek_member(ACCOUNT, user) is None
    assert await elsewhere.standings.find_member(ACCOUNT, user) is None


async def test_polling_keeps_copies_warm(live: LiveRegion, elsewhere: Elsewhere):
    await elsewhere.standings.find_member(ACCOUNT, OWNER)
    for _ in range(10):
        elsewhere.hands.seconds += 1
        await elsewhere.standings.poll()

    assert elsewhere.standings.peek_member(ACCOUNT, OWNER) is not None


async def test_who_cannot_look_into_the_log_lets_nobody_in(
    live: LiveRegion, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    await elsewhere.standings.find_member(ACCOUNT, OWNER)
    gone = region_database("postgresql+asyncpg://x@127.0.0.1:1/x", live.plane.id)
    monkeypatch.setattr(elsewhere.standings, "_database", gone)
    elsewhere.hands.seconds += 2

    assert elsewhere.standings.peek_member(ACCOUNT, OWNER) is None
    with pytest.raises(DomainError, match="database-unavailable"):
        await elsewhere.standings.find_member(ACCOUNT, OWNER)
    await gone.close()


async def test_a_long_log_is_followed_to_its_end(
    live: LiveRegion, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.region.standing.service._CHANGES_AT_ONCE", 3)
    user = user_id(2)
    await join(live, user)
    await elsewhere.standings.find_member(ACCOUNT, user)
    for role in [FULL_ACCESS, READ_ONLY] * 5:
        await change(live, user, role, None)
    await remove_member(live.plane, live.person(), user, ANY_VERSION)

    await elsewhere.standings.poll()

    assert await elsewhere.standings.find_member(ACCOUNT, user) is None


async def test_who_missed_changes_that_were_forgotten_starts_afresh(live: LiveRegion, elsewhere: Elsewhere):
    user, standings, told = user_id(2), elsewhere.standings, list[AccountId | None]()
    await join(live, user)
    await standings.find_member(ACCOUNT, user)
    standings.on_change.append(told.append)

    await remove_member(live.plane, live.person(), user, ANY_VERSION)
    await join(live, user_id(3))
    tomorrow = live.clock() + timedelta(days=1)
    forgotten = await live.plane.database.run_tx(lambda tx: forget_changes(tx, before=tomorrow))
    await standings.poll()

    assert forgotten > 0
    assert await standings.find_member(ACCOUNT, user) is None
    assert None in told


async def test_the_latest_change_is_never_forgotten(live: LiveRegion):
    await join(live, user_id(2))
    head = await live.plane.database.read(read_head)
    tomorrow = live.clock() + timedelta(days=1)

    await live.plane.database.run_tx(lambda tx: forget_changes(tx, before=tomorrow))
    left = await live.plane.database.read(lambda tx: list_changes(tx, after=0, at_most=10))

    assert [change.seq for change in left] == [head]


async def test_listeners_are_told_of_each_account_with_news(live: LiveRegion):
    told: list[AccountId | None] = []
    live.door.standings.on_change.append(told.append)
    await live.door.standings.find_member(ACCOUNT, OWNER)
    await join(live, user_id(2))
    assert told == []

    await live.door.standings.find_member(ACCOUNT, OWNER)

    assert told == [ACCOUNT]


# ---------------------------------------------------------------- activity


async def activity_of(live: LiveRegion, user: UserId):
    member = await live.plane.database.read(lambda tx: find_member(tx, ACCOUNT, user))
    assert member
    return member.last_activity_at


async def test_activity_is_written_down_when_it_is_flushed(live: LiveRegion):
    standings = live.door.standings
    standings.note_activity(ACCOUNT, Principal.user(OWNER), live.clock())
    assert await activity_of(live, OWNER) is None

    await standings.flush_activity()

    assert await activity_of(live, OWNER) == live.clock()


async def test_an_earlier_moment_never_replaces_a_later_one(live: LiveRegion):
    standings, first = live.door.standings, live.clock()
    live.clock.advance(minutes=1)
    for moment in (live.clock(), first):
        standings.note_activity(ACCOUNT, Principal.user(OWNER), moment)
        await standings.flush_activity()

    assert await activity_of(live, OWNER) == live.clock()


@pytest.mark.parametrize(
    "failure", [DomainError(ErrorKind.UNAVAILABLE, "no", "No."), asyncio.CancelledError()], ids=repr
)
async def test_activity_that_could_not_be_written_is_written_with_the_next(
    live: LiveRegion, monkeypatch: pytest.MonkeyPatch, failure: BaseException
):
    standings = live.door.standings
    standings.note_activity(ACCOUNT, Principal.user(OWNER), live.clock())

    async def fail(_work) -> None:
        raise failure

    with monkeypatch.context() as broken:
        broken.setattr(live.plane.database, "run_tx", fail)
        with pytest.raises(type(failure)):
            await standings.flush_activity()
    await standings.flush_activity()

    assert await activity_of(live, OWNER) == live.clock()


# ---------------------------------------------------------------- any interleaving


@dataclass
class Story:
    """What was true when, by ticks, and what readers saw."""

    live: LiveRegion
    tick: int = 0
    told: dict[UserId, list[tuple[int, float, Access]]] = field(default_factory=dict)
    """Of each user: when a change began, when it had returned, and what it made."""
    turns: dict[UserId, asyncio.Lock] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def now(self) -> int:
        self.tick += 1
        return self.tick

    async def write(self, user: UserId, kind: str) -> None:
        async with self.turns[user]:
            made: dict[str, Access] = {
                "demote": ("read-only", "enabled"),
                "promote": ("full-access", "enabled"),
                "disable": None,
                "remove": None,
            }
            access = made[kind]
            if kind == "disable":
                before = self.told[user][-1][2]
                access = (before[0], "disabled") if before else None
            entry = (self.now(), float("inf"), access)
            self.told[user].append(entry)
            try:
                await self._act(user, kind)
            except DomainError:
                self.told[user].pop()
            else:
                self.told[user][-1] = (entry[0], self.now(), access)

    async def _act(self, user: UserId, kind: str) -> None:
        match kind:
            case "demote":
                await change(self.live, user, READ_ONLY, MemberState.ENABLED)
            case "promote":
                with suppress(DomainError):
                    await join(self.live, user)
                await change(self.live, user, FULL_ACCESS, MemberState.ENABLED)
            case "disable":
                await change(self.live, user, None, MemberState.DISABLED)
            case _:
                await remove_member(self.live.plane, self.live.person(), user, ANY_VERSION)

    async def read(self, user: UserId, kind: str) -> None:
        began = self.now()
        if kind == "peek":
            copy = self.live.door.standings.peek_member(ACCOUNT, user)
            if copy is None:
                return
        else:
            copy = await self.live.door.standings.find_member(ACCOUNT, user)
        ended = self.now()
        settled = [at for at, (_, done, _) in enumerate(self.told[user]) if done <= began]
        allowed = [access for begun, _, access in self.told[user][settled[-1] :] if begun <= ended]
        if ("full-access", "enabled") in allowed:
            allowed.append(("read-only", "enabled"))  # one who comes back is read-only for a moment
        if access_of(copy) not in allowed:
            self.wrong.append(f"{kind}: saw {access_of(copy)}, true was {allowed}")


def slow_down(database: Database[RegionTx], delays: list[int]) -> None:
    """Let others go on between the reading and what is made of it."""
    reading, turns = database.read, itertools.cycle(delays)

    async def read(work):
        result = await reading(work)
        await asyncio.sleep(next(turns) / 10_000)  # a schedule, not a wait for anything
        return result

    database.read = read


acts = st.tuples(
    st.integers(2, 3),
    st.sampled_from(["find", "find", "find", "peek", "peek", "demote", "promote", "disable", "remove"]),
    st.integers(0, 30),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    tasks=st.lists(st.lists(acts, min_size=1, max_size=8), min_size=2, max_size=5),
    delays=st.lists(st.integers(0, 200), min_size=1, max_size=10),
)
def test_no_reading_is_older_than_a_change_that_had_returned_when_it_began(
    tasks: list[list[tuple[int, str, int]]], delays: list[int]
):
    async def play(folder: Path) -> list[str]:
        async with live_region(f"sqlite+aiosqlite:///{folder / 'region.db'}", folder) as live:
            story = Story(live)
            slow_down(live.plane.database, delays)
            for number in (2, 3):
                await join(live, user_id(number))
                story.told[user_id(number)] = [(0, 0.0, ("read-only", "enabled"))]
                story.turns[user_id(number)] = asyncio.Lock()

            async def perform(acts: list[tuple[int, str, int]]) -> None:
                for number, kind, pauses in acts:
                    for _ in range(pauses):
                        await asyncio.sleep(0)
                    doing = story.read if kind in {"find", "peek"} else story.write
                    await doing(user_id(number), kind)

            await asyncio.gather(*(perform(acts) for acts in tasks))
            return story.wrong

    with tempfile.TemporaryDirectory() as name:
        assert asyncio.run(play(Path(name))) == []
