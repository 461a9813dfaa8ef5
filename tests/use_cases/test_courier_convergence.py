"""Whatever happens in whatever order, and wherever couriers are killed: in the end both sides tell the same."""

import asyncio
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domicile.infra.databases import Database, Tx
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import AccountId, RegionId, RoleId, UserId
from domicile.kernel.permissions import MemberState
from domicile.kernel.roles import FULL_ACCESS, READ_ONLY
from domicile.kernel.versions import expecting
from domicile.region.accounts.domain import AccountChange, NewAccount
from domicile.region.accounts.service import create_account, modify_account
from domicile.region.memberships.domain import MemberChange
from domicile.region.memberships.service import change_member, remove_member
from tests.support.crossing import REGIONS, Fate, Killed, LiveRegion, Platform, platform
from tests.support.databases import DatabaseEngine, borrower, history_of

ANY_VERSION = expecting(None)
_MOST_CALLS = 14
"""More than one round of a courier with a few rows makes."""

small = st.integers(0, 3)
moments = st.sampled_from(["before", "inside", "after"])
roles = st.sampled_from([FULL_ACCESS, READ_ONLY])
fates = st.builds(Fate, st.integers(1, _MOST_CALLS), moments)

steps = st.one_of(
    st.tuples(st.just("create"), small, small, st.builds(Fate)),
    st.tuples(st.just("create"), small, small, fates),
    st.tuples(st.just("modify"), small, small),
    st.tuples(st.just("join"), small, small, roles),
    st.tuples(st.just("change"), small, small, roles),
    st.tuples(st.just("disable"), small, small),
    st.tuples(st.just("remove"), small, small),
    st.tuples(st.just("rename"), small, st.text("abc", min_size=1, max_size=3)),
    st.tuples(st.just("sign out"), small),
    st.tuples(st.just("carry"), small, fates),
    st.tuples(st.just("carry"), small, st.builds(Fate)),
    st.tuples(st.just("two couriers"), small, fates, st.builds(Fate)),
    st.tuples(st.just("rename while carrying"), small, small, st.text("xyz", min_size=1, max_size=3)),
    st.tuples(st.just("dark"), small),
    st.tuples(st.just("disturb"), small, st.integers(0, 2**32)),
    st.tuples(st.just("wait"), st.integers(1, 120)),
)


@dataclass
class Run:
    """One sequence of steps on one platform."""

    platform: Platform
    made: list[tuple[LiveRegion, AccountId, UserId]] = field(default_factory=list)

    def region(self, number: int) -> LiveRegion:
        return self.platform.regions[REGIONS[number % len(REGIONS)]]

    def person(self, number: int) -> UserId:
        return self.platform.people[number % len(self.platform.people)]

    async def do(self, step: tuple) -> None:
        name, *what = step
        with suppress(DomainError, Killed):  # refusals such as the last owner's are outcomes too
            await getattr(self, name.replace(" ", "_"))(*what)

    async def create(self, region_number: int, number: int, fate: Fate) -> None:
        region = self.region(region_number)
        person = await self.platform.person(self.person(number))
        new = NewAccount("Example Labs", region.id, "en", "UTC")
        account = await create_account(region.plane_of(Fate(fate.call % 4, fate.moment)), person, new, None)
        self.made.append((region, account.id, person.user_id))

    async def modify(self, account: int, alias: int) -> None:
        if self.made:
            region, account_id, owner = self.made[account % len(self.made)]
            change = AccountChange(f"Alias {alias}")
            caller = self.platform.owner(region, account_id, owner)
            await modify_account(region.plane, caller, change, ANY_VERSION)

    async def join(self, account: int, number: int, role: RoleId) -> None:
        if self.made:
            region, account_id, _ = self.made[account % len(self.made)]
            person = await self.platform.person(self.person(number))
            await self.platform.join(region, account_id, person, role)

    async def change(self, account: int, number: int, role: RoleId) -> None:
        await self._change(account, number, MemberChange(role, MemberState.ENABLED))

    async def disable(self, account: int, number: int) -> None:
        await self._change(account, number, MemberChange(None, MemberState.DISABLED))

    async def _change(self, account: int, number: int, change: MemberChange) -> None:
        if self.made:
            region, account_id, owner = self.made[account % len(self.made)]
            caller = self.platform.owner(region, account_id, owner)
            await change_member(region.plane, caller, self.person(number), change, ANY_VERSION)

    async def remove(self, account: int, number: int) -> None:
        if self.made:
            region, account_id, owner = self.made[account % len(self.made)]
            caller = self.platform.owner(region, account_id, owner)
            await remove_member(region.plane, caller, self.person(number), ANY_VERSION)

    async def rename(self, number: int, name: str) -> None:
        await self.platform.rename(self.person(number), name)

    async def sign_out(self, number: int) -> None:
        await self.platform.raise_epoch(self.person(number))

    async def carry(self, region: int, fate: Fate) -> None:
        await self.region(region).carry(Fate(fate.call, fate.moment))

    async def two_couriers(self, region: int, one: Fate, other: Fate) -> None:
        rounds = [self.region(region).carry(Fate(fate.call, fate.moment)) for fate in (one, other)]
        await asyncio.gather(*(_survived(each) for each in rounds))

    async def rename_while_carrying(self, region: int, number: int, name: str) -> None:
        await asyncio.gather(self.rename(number, name), self.region(region).carry())

    async def dark(self, region: int) -> None:
        await self.region(region).carry(Fate(is_directory_dark=True))

    async def disturb(self, region: int, seed: int) -> None:
        await self.platform.disturb_outbox(self.region(region), seed)

    async def wait(self, seconds: int) -> None:
        self.platform.clock.advance(seconds=seconds)


async def _survived(attempt) -> None:
    with suppress(Killed):
        await attempt


async def run_to_the_end(
    identity: str, regions: dict[RegionId, str], folder: Path, steps: list[tuple]
) -> list[str]:
    async with platform(identity, regions, folder) as opened:
        for _ in range(3):
            await opened.add_person()
        run = Run(opened)
        for step in steps:
            await run.do(step)
        await opened.settle()
        return await opened.differences()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sequence=st.lists(steps, min_size=4, max_size=25))
def test_both_sides_tell_the_same_in_the_end(sqlite_templates: Path, sequence: list[tuple]):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(sqlite_templates / "global.db", folder / "identity.db")
        urls: dict[RegionId, str] = {}
        for region in REGIONS:
            shutil.copy(sqlite_templates / "region.db", folder / f"{region}.db")
            urls[region] = f"sqlite+aiosqlite:///{folder}/{region}.db"

        identity = f"sqlite+aiosqlite:///{folder}/identity.db"
        assert asyncio.run(run_to_the_end(identity, urls, folder, sequence)) == []


@pytest.fixture(scope="module")
def servers_databases(request: pytest.FixtureRequest) -> Generator[dict[str, str]]:
    """The URLs of migrated databases, for identity and the regions."""
    with ExitStack() as lent:
        borrow = borrower(DatabaseEngine.POSTGRESQL, request, lent)
        yield {name: borrow(history_of(name), Path()) for name in ("identity", *REGIONS)}


async def _empty(urls: dict[str, str]) -> None:
    for url in urls.values():
        database = Database(url, Tx, name="emptied")

        async def empty(tx: Tx) -> None:
            rows = await tx.all(
                text(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                )
            )
            await tx.execute(text(f"TRUNCATE {', '.join(row.tablename for row in rows)}"))

        await database.run_tx(empty)
        await database.close()


@pytest.mark.postgres
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sequence=st.lists(steps, min_size=8, max_size=25))
def test_both_sides_tell_the_same_in_the_end_on_postgresql(
    servers_databases: dict[str, str], tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple]
):
    asyncio.run(_empty(servers_databases))
    urls = {region: servers_databases[region] for region in REGIONS}

    found = asyncio.run(
        run_to_the_end(servers_databases["identity"], urls, tmp_path_factory.getbasetemp(), sequence)
    )

    assert found == []
