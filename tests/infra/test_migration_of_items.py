"""Items that were there before the log of items begin it, with their labels and what they hold."""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.infra.databases import Database, Tx
from domicile.infra.migrations import History, migrations_folder, upgrade

_MOMENT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
_ACCOUNT = {
    "account_id": "004217730956",
    "alias": "Labs",
    "locale": "ja",
    "time_zone": "UTC",
    "state": "active",
    "mfa_required": False,
    "created_at": _MOMENT,
    "created_by": "u-1",
    "modified_at": _MOMENT,
    "entitled_at": _MOMENT,
    "version": 1,
}


@pytest.fixture
async def engine(make_database: Callable[[str], str]) -> AsyncGenerator[AsyncEngine]:
    database = Database(make_database("database"), Tx, name="database")
    yield database.engine
    await database.close()


def item(service: str, name: str, version: int) -> dict[str, Any]:
    return {
        "account_id": "004217730956",
        "service": service,
        "kind": "policy",
        "name": name,
        "labels": json.dumps({"stage": name}),
        "spec": json.dumps({"paths": ["/\u0000"]}),
        "version": version,
        "created_at": _MOMENT,
        "modified_at": _MOMENT,
    }


def _to_items(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / History.REGION))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "region_0009")


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    values = ", ".join(
        f"CAST(:{name} AS JSON)" if name == "labels" and connection.dialect.name != "sqlite" else f":{name}"
        for name in row
    )
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)  # noqa: S608  # names of ours


async def test_what_was_kept_before_is_the_beginning_of_the_log(engine: AsyncEngine):
    async with engine.begin() as connection:
        await connection.run_sync(_to_items)
        await connection.run_sync(_insert, "accounts", _ACCOUNT)
        for number in range(1, 502):
            await connection.run_sync(_insert, "items", item("workload", f"n{number:04}", 1 + number % 2))
        await connection.run_sync(_insert, "items", item("tresor", "one", 1))

    assert await upgrade(engine, History.REGION)

    async with engine.connect() as connection:
        heads = (await connection.execute(text("SELECT service, seq FROM item_log_heads"))).all()
        versions = (
            await connection.execute(
                text("SELECT * FROM item_versions WHERE service = 'workload' ORDER BY seq")
            )
        ).all()
        labels = (await connection.execute(text("SELECT count(*) FROM item_labels"))).scalar_one()
    assert dict(tuple(row) for row in heads) == {"workload": 501, "tresor": 1}
    assert [row.seq for row in versions] == list(range(1, 502))
    assert (versions[0].action, versions[1].action) == ("updated", "created")
    assert json.loads(versions[0].contents) == {"labels": {"stage": "n0001"}, "spec": {"paths": ["/\u0000"]}}
    assert labels == 502
