"""A region's own role in the directory: the engine lets it run the region's courier, and refuses everything else."""

import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from domicile.directory.accounts.store import PURGED
from domicile.directory.departures.store import put_departures
from domicile.directory.grants import grant_statements
from domicile.infra.migrations import History
from domicile.infra.settings import SettingsError, load_settings
from domicile.kernel.errors import DomainError
from domicile.kernel.ids import RegionId, UserId
from domicile.kernel.roles import READ_ONLY
from domicile.region.accounts.domain import NewAccount
from domicile.region.accounts.service import create_account
from domicile.region.accounts.store import accounts
from tests.support.crossing import DISCREET, OPEN, Platform, platform
from tests.support.databases import migrate
from tests.support.ending import Ending
from tests.support.leaving import leaving
from tests.support.postgres import PostgresServer, run_apart

pytestmark = pytest.mark.postgres


@dataclass
class Role:
    """The role of the region `de-1` in a directory."""

    url: str
    name: str

    async def execute(self, statement: str) -> str:
        """Run a statement as the role; gives what became of it."""
        connection = await asyncpg.connect(_address(self.url), user=self.name, timeout=10)
        try:
            return await connection.execute(statement)
        finally:
            await connection.close()


@dataclass
class Ruled:
    """A platform whose region `de-1` reaches the directory under a role of its own."""

    platform: Platform
    role: Role


def _address(url: str) -> str:
    """The URL as the driver alone reads it."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


async def _as_owner(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(_address(url), timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def a_role(url: str) -> Generator[str]:
    """A role of the cluster that goes again."""
    role = f'region "{uuid.uuid4().hex}'
    quoted = '"' + role.replace('"', '""') + '"'
    run_apart(_as_owner(url, f"CREATE ROLE {quoted} LOGIN"))
    try:
        yield role
    finally:
        run_apart(_as_owner(url, f"DROP OWNED BY {quoted}", f"DROP ROLE {quoted}"))


@contextmanager
def lending(postgres: PostgresServer) -> Generator[tuple[dict[str, str], str]]:
    """Lend the databases of a platform, by name, and a role for its region."""
    with ExitStack() as lent:
        urls = {name: lent.enter_context(postgres.database()) for name in ("identity", OPEN, DISCREET)}
        yield urls, lent.enter_context(a_role(urls["identity"]))


@asynccontextmanager
async def ruling(urls: dict[str, str], role: str, folder: Path) -> AsyncGenerator[Ruled]:
    """Open a platform with three people and an account in each region, of which one region has its own role."""
    for name, url in urls.items():
        await migrate(url, History.GLOBAL if name == "identity" else History.REGION)
    for _ in range(2):
        await _as_owner(urls["identity"], *grant_statements(OPEN, role))
    own = make_url(urls["identity"]).set(username=role).render_as_string(hide_password=False)
    regions = {name: urls[name] for name in (OPEN, DISCREET)}
    async with platform(urls["identity"], regions, folder, directory_urls={OPEN: own}) as opened:
        for _ in range(3):
            await opened.add_person()
        for number, region in enumerate(opened.regions.values()):
            person = await opened.person(opened.people[number])
            new = NewAccount("Example Labs", region.id, "en", "UTC")
            await create_account(region.plane, person, new, None)
        await opened.settle()
        now = opened.clock()
        await opened.identity.run_tx(
            lambda tx: put_departures(tx, UserId("x"), (OPEN, DISCREET), version=1, now=now)
        )
        yield Ruled(opened, Role(urls["identity"], role))


@pytest.fixture
async def ruled(postgres: PostgresServer, tmp_path: Path) -> AsyncGenerator[Ruled]:
    with lending(postgres) as (urls, role):
        async with ruling(urls, role, tmp_path) as made:
            yield made


@pytest.fixture(scope="module")
def unchanged(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Role]:
    """The role on a platform that is closed: for tests that leave everything as they found it."""

    async def make(urls: dict[str, str], role: str) -> Role:
        async with ruling(urls, role, tmp_path_factory.mktemp("ruled")) as made:
            return made.role

    with lending(postgres) as (urls, role):
        yield run_apart(make(urls, role))


async def test_the_role_is_enough_for_everything_that_the_region_does(ruled: Ruled):
    opened = ruled.platform
    region = opened.regions[OPEN]
    (account,) = [row.account_id for row in await _accounts(ruled, OPEN)]
    await opened.join(region, account, await opened.person(opened.people[2]), READ_ONLY)
    await opened.rename(opened.people[0], "Ann Newname")
    await opened.raise_epoch(opened.people[2])

    await opened.settle()

    assert await opened.differences() == []


async def test_the_role_is_enough_for_a_person_who_leaves(ruled: Ruled, tmp_path: Path):
    opened = ruled.platform
    region, ann = opened.regions[OPEN], opened.people[0]
    (account,) = [row.account_id for row in await _accounts(ruled, OPEN)]
    async with leaving(opened, tmp_path) as everything:
        await everything.join(region, account, opened.people[2])
        await everything.give_password(ann)
        person = await everything.sign_in(ann)
        await everything.ask(person)
        await everything.carry()
        await opened.settle()

        assert await everything.owners(region, account) == {opened.people[2]}
        assert await opened.differences() == []
        with pytest.raises(DomainError, match="user-leaving"):
            await create_account(region.plane, person, NewAccount("Late", OPEN, "en", "UTC"), None)


async def _accounts(ruled: Ruled, region: RegionId):
    return await ruled.platform.regions[region].all(accounts)


@pytest.mark.parametrize(
    "table",
    [
        *("passwords", "sessions", "sign_ups", "password_resets", "security_events", "outbox"),
        *("email_changes", "email_undo_links", "released_addresses"),
    ],
)
async def test_credentials_and_sessions_are_out_of_reach(unchanged: Role, table: str):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await unchanged.execute(f"TABLE {table}")


async def test_only_people_of_the_region_are_seen(ruled: Ruled):
    connection = await asyncpg.connect(_address(ruled.role.url), user=ruled.role.name, timeout=10)
    rows = await connection.fetch("SELECT user_id FROM users")
    await connection.close()

    assert [row["user_id"] for row in rows] == [ruled.platform.people[0]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE directory_accounts SET state = 'suspended' WHERE region_id = 'jp-1'",
        "UPDATE directory_memberships SET state = 'removed' WHERE region_id = 'jp-1'",
        "UPDATE directory_feed_heads SET seq = 0 WHERE region_id = 'jp-1'",
        "UPDATE directory_departures SET state = 'ready' WHERE region_id = 'jp-1'",
    ],
)
async def test_rows_of_another_region_cannot_be_changed(unchanged: Role, statement: str):
    assert await unchanged.execute(statement) == "UPDATE 0"
    assert await unchanged.execute(statement.replace("jp-1", "de-1")) == "UPDATE 1"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO directory_accounts VALUES ('000000000001', 'jp-1', 'active', NULL, 1, now(), 'x')",
        "INSERT INTO directory_memberships VALUES ('x', '000000000001', 'jp-1', 'enabled', NULL, 1)",
        "INSERT INTO directory_feed VALUES ('jp-1', 99, 'user-changed', 'x', 1, now())",
        "UPDATE directory_accounts SET region_id = 'us-1'",
        "UPDATE directory_memberships SET region_id = 'us-1'",
        "UPDATE directory_memberships SET user_id = 'x'",
        "UPDATE users SET name = 'x'",
        "SELECT address_since FROM users",
        "UPDATE directory_leavers SET state = 'gone'",
        "INSERT INTO directory_leavers VALUES ('x', 'gone', 1, now())",
        "DELETE FROM directory_leavers",
        "UPDATE directory_departures SET version = 0",
        "INSERT INTO directory_departures VALUES ('x', 'de-1', 'asked', 1, '[]', now())",
        "DELETE FROM directory_accounts",
        "INSERT INTO directory_receipts VALUES ('r', 'jp-1', '000000000001', now(), now(), now(), 'x')",
        "UPDATE directory_receipts SET digest = 'x'",
        "DELETE FROM directory_receipts",
        "TRUNCATE directory_feed",
        "CREATE TABLE mine (id INTEGER)",
        "DROP POLICY x ON directory_accounts",
    ],
)
async def test_what_is_not_the_regions_is_refused(unchanged: Role, statement: str):
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError)):
        await unchanged.execute(statement)


async def test_the_feed_of_another_region_is_not_seen(unchanged: Role):
    assert await unchanged.execute("SELECT * FROM directory_feed WHERE region_id = 'jp-1'") == "SELECT 0"
    assert await unchanged.execute("SELECT * FROM directory_feed WHERE region_id = 'de-1'") != "SELECT 0"


async def test_only_its_own_feed_can_be_forgotten(ruled: Ruled):
    assert await ruled.role.execute("DELETE FROM directory_feed WHERE region_id = 'jp-1'") == "DELETE 0"
    assert await ruled.role.execute("DELETE FROM directory_feed WHERE region_id = 'de-1'") != "DELETE 0"


async def test_only_its_own_index_can_be_forgotten(ruled: Ruled):
    assert (
        await ruled.role.execute("DELETE FROM directory_memberships WHERE region_id = 'jp-1'") == "DELETE 0"
    )
    assert (
        await ruled.role.execute("DELETE FROM directory_memberships WHERE region_id = 'de-1'") == "DELETE 1"
    )


async def test_the_role_is_enough_to_purge_an_account_and_file_its_receipt(ruled: Ruled):
    region = ruled.platform.regions[OPEN]
    ending = Ending(ruled.platform, region)
    (account,) = [row.account_id for row in await _accounts(ruled, OPEN)]
    await ending.suspend(account)
    await ending.carry()
    ruled.platform.clock.advance(days=30)

    assert await ending.purge() == 1

    assert (await ending.entry(account)).state == PURGED
    assert await ending.index(account) == []
    (filed,) = await ending.filed()
    assert (filed.account_id, filed.region_id) == (account, OPEN)
    assert await ruled.role.execute("SELECT * FROM directory_receipts") == "SELECT 1"


async def test_the_receipts_of_another_region_are_not_seen(ruled: Ruled):
    theirs = "INSERT INTO directory_receipts VALUES ('r', 'jp-1', '000000000001', now(), now(), now(), 'x')"
    await _as_owner(ruled.role.url, theirs)

    assert await ruled.role.execute("SELECT * FROM directory_receipts") == "SELECT 0"


def test_a_region_that_is_none_makes_no_sql():
    for region, role in (("de-1' OR true --", "x"), ("de-1", "")):
        with pytest.raises(ValueError, match="a region id"):
            grant_statements(RegionId(region), role)


def test_a_regions_way_into_the_directory_is_identitys_unless_it_has_its_own(tmp_path: Path):
    config = tmp_path / "domicile.toml"
    own = "postgresql+asyncpg://domicile_de_1@db/identity"
    config.write_text(
        '[identity]\ndatabase = "postgresql+asyncpg://domicile@db/identity"\n'
        f'[[regions]]\nid = "de-1"\nname = "Germany"\ndirectory_database = "{own}"\n'
        '[[regions]]\nid = "us-1"\nname = "United States"\n'
    )

    found = [entry.directory_database for entry in load_settings(config, tmp_path, {}).regions]
    assert found == [own, "postgresql+asyncpg://domicile@db/identity"]

    config.write_text(config.read_text().replace(own, "mysql://db"))
    with pytest.raises(SettingsError, match="database: an address must begin with"):
        load_settings(config, tmp_path, {})
