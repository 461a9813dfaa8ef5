"""People who leave, think better of it, are demoted and join, in any order, with couriers that die: every account keeps an owner."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile.identity.departure.service import cancel_departure, settle_departures
from domicile.identity.disabling.service import enable_person
from domicile.kernel.callers import Person
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, RoleId, UserId
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, remove_member
from tests.support.crossing import REGIONS, Fate, Killed, LiveRegion, platform
from tests.support.leaving import Leaving, leaving

PEOPLE = 3
someone = st.integers(0, PEOPLE - 1)
place = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.just("leave"), someone),
    st.tuples(st.just("stay"), someone),
    st.tuples(st.just("keep"), someone),
    st.tuples(st.just("join"), someone, place),
    st.tuples(st.just("demote"), someone, place),
    st.tuples(st.just("remove"), someone, place),
    st.tuples(st.just("settle")),
    st.tuples(
        st.just("carry"), place, st.integers(1, 16), st.sampled_from(["before", "inside", "after", "lives"])
    ),
)


class Play:
    """Carries out steps; what is refused is refused."""

    def __init__(self, all_of_it: Leaving, people: list[UserId], accounts: list[AccountId]) -> None:
        self.all_of_it, self.people, self.accounts = all_of_it, people, accounts
        self.sessions: dict[UserId, Person] = {}
        self.regions: list[LiveRegion] = list(all_of_it.platform.regions.values())

    async def do(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        with contextlib.suppress(DomainError, Killed):
            await getattr(self, name)(*rest)

    async def leave(self, who: int) -> None:
        await self.all_of_it.ask(self.sessions[self.people[who]])

    async def stay(self, who: int) -> None:
        await cancel_departure(self.all_of_it.plane, self.sessions[self.people[who]])

    async def keep(self, who: int) -> None:
        await enable_person(self.all_of_it.plane, self.people[who], "asked")

    async def join(self, who: int, at: int) -> None:
        session = self.sessions[self.people[who]]
        await self.all_of_it.join_as_invited(self.regions[at], self.accounts[at], session)

    async def demote(self, who: int, at: int) -> None:
        caller = self.all_of_it.platform.owner(self.regions[at], self.accounts[at], self.people[who])
        change = MemberChange(RoleId(READ_ONLY), None)
        await change_member(self.regions[at].plane, caller, self.people[who], change, expecting(None))

    async def remove(self, who: int, at: int) -> None:
        caller = self.all_of_it.platform.owner(self.regions[at], self.accounts[at], self.people[who])
        await remove_member(self.regions[at].plane, caller, self.people[who], expecting(None))

    async def settle(self) -> None:
        await settle_departures(self.all_of_it.plane)

    async def carry(self, at: int, call: int, moment: str) -> None:
        fate = Fate() if moment == "lives" else Fate(call=call, moment=moment)
        await self.regions[at].carry(fate)


async def play(folder: Path, sequence: list[tuple[Any, ...]]) -> list[str]:
    """Do the steps, then let everything come to its end; gives what is wrong, a line each."""
    urls = {region: f"sqlite+aiosqlite:///{folder}/{region}.db" for region in REGIONS}
    async with (
        platform(f"sqlite+aiosqlite:///{folder}/identity.db", urls, folder) as opened,
        leaving(opened, folder) as all_of_it,
    ):
        people = [await all_of_it.add_person() for _ in range(PEOPLE)]
        regions = list(opened.regions.values())
        accounts = [await all_of_it.account(region, people[at]) for at, region in enumerate(regions)]
        for at, region in enumerate(regions):
            await all_of_it.join(region, accounts[at], people[1 - at], FULL_ACCESS)
        playing = Play(all_of_it, people, accounts)
        for user in people:
            playing.sessions[user] = await all_of_it.sign_in(user)
        wrong: list[str] = []
        for step in sequence:
            await playing.do(step)
            for at, region in enumerate(regions):
                if not await all_of_it.owners(region, accounts[at]):
                    wrong.append(f"no owner in {region.id} after {step}")
        for _ in range(2):
            await all_of_it.carry()
            await opened.settle()
        await all_of_it.carry()
        # No mail leaves these couriers.
        differing = await opened.differences()
        return wrong + [line for line in differing if not line.endswith("invitation-mail")]


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sequence=st.lists(steps, min_size=4, max_size=12))
def test_no_account_is_ever_without_an_owner_and_both_sides_agree_in_the_end(
    sqlite_templates: Path, sequence: list[tuple[Any, ...]]
):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(sqlite_templates / "global.db", folder / "identity.db")
        for region in REGIONS:
            shutil.copy(sqlite_templates / "region.db", folder / f"{region}.db")

        assert asyncio.run(play(folder, sequence)) == []
