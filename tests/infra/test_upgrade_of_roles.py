"""A region's database of the first release, with data in it, brought to this one: nothing is lost, and history begins."""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, Table, insert

from domicile.infra.databases import Database, RegionTx, region_database
from domicile.infra.migrations import History, migrations_folder, upgrade
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.access_log.store import access_log
from domicile.region.history.store import list_history_at

BORN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
ACCOUNT = AccountId("004217730956")
COUNT = 1200
"""More members than are written in one step of the migration."""


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncGenerator[Database[RegionTx]]:
    opened = region_database(make_database("region"), RegionId("de-1"))
    yield opened
    await opened.close()


def _first_release(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / History.REGION))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "region_0001")
    found = MetaData()
    found.reflect(connection)
    _fill(connection, found.tables)


def _fill(connection: Connection, tables: Mapping[str, Table]) -> None:
    def add(name: str, *rows: dict[str, Any]) -> None:
        connection.execute(insert(tables[name]), list(rows))

    stamp = {"account_id": ACCOUNT, "created_at": BORN, "modified_at": BORN}
    names = {"alias": "Labs", "locale": "en", "time_zone": "UTC"}
    made = {"created_by": "user-0", "version": 1}
    add("accounts", {**stamp, **names, **made, "state": "active", "mfa_required": False, "entitled_at": BORN})
    place = {**stamp, "role_id": "read-only", "last_activity_at": None}
    add(
        "memberships",
        *(
            {
                **place,
                "user_id": f"user-{n:04d}",
                "state": "removed" if n == 7 else "enabled",
                "version": n + 2,
            }
            for n in range(COUNT)
        ),
    )
    key = {**stamp, **names, **made, "key_id": "dom_de-1_k", "description": "", "role_id": "read-only"}
    secret = {"secret_hash": b"h", "former_secret_hash": None, "former_until": None, "last_activity_at": None}
    lists = {"allowed_ips": ["192.0.2.7"], "allowed_cidrs": ["198.51.100.0/24"]}
    add("api_keys", {**key, **secret, **lists, "is_enabled": True, "expires_at": BORN + timedelta(days=90)})
    add("access_log", {"seq": 1, "kind": "account", "account_id": ACCOUNT, "subject_id": ACCOUNT, "at": BORN})


async def test_what_was_there_counts_as_having_been_so_from_its_beginning(database: Database[RegionTx]):
    async with database.engine.begin() as connection:
        await connection.run_sync(_first_release)

    await upgrade(database.engine, History.REGION)

    before = await database.read(lambda tx: list_history_at(tx, ACCOUNT, BORN - timedelta(seconds=1)))
    then = await database.read(lambda tx: list_history_at(tx, ACCOUNT, BORN))
    facts = {(str(became.kind), became.subject_id): became.facts for became in then}
    assert before == ()
    assert len(facts) == COUNT - 1 + 2
    assert facts["account", ACCOUNT] == {"state": "active", "mfaRequired": False}
    assert facts["membership", "user-1199"] == {"roleID": "read-only", "state": "enabled"}
    assert facts["api-key", "dom_de-1_k"] == {
        "alias": "Labs",
        "roleID": "read-only",
        "enabled": True,
        "expiry": "2027-01-30T09:00:00Z",
        "networks": ["192.0.2.7", "198.51.100.0/24"],
    }


async def test_a_change_from_before_counts_as_one_that_made_something_void(database: Database[RegionTx]):
    async with database.engine.begin() as connection:
        await connection.run_sync(_first_release)

    await upgrade(database.engine, History.REGION)

    rows = await database.read(lambda tx: tx.all(access_log.select()))
    assert [(row.seq, row.revokes) for row in rows] == [(1, True)]
