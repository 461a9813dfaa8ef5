"""Migrations: what they make is what the code declares, on both engines, however often and by however many they are run."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.apps.tables import GLOBAL_METADATA, REGION_METADATA
from domicile.infra.databases import Database, Tx
from domicile.infra.migrations import (
    History,
    NotMigratedError,
    head_of,
    migrations_folder,
    prepare,
    revision_of,
    upgrade,
)
from domicile.infra.planes import UtcTime

METADATA: dict[History, list[MetaData]] = {
    History.GLOBAL: GLOBAL_METADATA,
    History.REGION: [REGION_METADATA],
}


@pytest.fixture
async def engine(make_database: Callable[[str], str]) -> AsyncGenerator[AsyncEngine]:
    """An empty database, opened as the server opens it."""
    database = Database(make_database("database"), Tx, name="database")
    yield database.engine
    await database.close()


PREPARE = """
import asyncio, sys
from domicile.infra.databases import Database, Tx
from domicile.infra.migrations import History, prepare

async def main(url, history):
    database = Database(url, Tx, name="database")
    await prepare(database.engine, History(history))
    await database.close()

asyncio.run(main(*sys.argv[1:]))
"""

both_histories = pytest.mark.parametrize("history", list(History), ids=str)


def differences(connection: Connection, history: History) -> list[Any]:
    """What Alembic would still have to do."""
    context = MigrationContext.configure(connection, opts={"compare_type": _compare_type})
    return compare_metadata(context, METADATA[history])  # pyright: ignore[reportArgumentType]  # takes a list too


def _compare_type(
    _context: object, _inspected: object, _column: object, found: object, wanted: object
) -> bool | None:
    # SQLite has one type for moments, with no word of the zone.
    return (
        False if isinstance(wanted, UtcTime) and type(found).__name__ in {"DATETIME", "TIMESTAMP"} else None
    )


def run_alembic(connection: Connection, history: History, step: Callable[..., None], target: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / history))
    config.set_main_option("path_separator", "os")
    step(config, target)


def tables_of(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


@both_histories
async def test_what_the_migrations_make_is_what_the_code_declares(engine: AsyncEngine, history: History):
    assert await upgrade(engine, history)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences, history) == []
        declared = {table for metadata in METADATA[history] for table in metadata.tables}
        assert await connection.run_sync(tables_of) == declared


@both_histories
async def test_migrating_again_changes_nothing(engine: AsyncEngine, history: History):
    await upgrade(engine, history)

    assert not await upgrade(engine, history)
    assert await revision_of(engine) == head_of(history)


@both_histories
async def test_an_empty_database_goes_down_and_up_again(engine: AsyncEngine, history: History):
    await upgrade(engine, history)
    async with engine.begin() as connection:
        await connection.run_sync(run_alembic, history, command.downgrade, "base")
        assert await connection.run_sync(tables_of) == set()

    assert await upgrade(engine, history)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences, history) == []


@both_histories
async def test_two_processes_that_start_at_once_both_end_at_the_newest(engine: AsyncEngine, history: History):
    url = engine.url.render_as_string(hide_password=False)
    command_line = [sys.executable, "-c", PREPARE, url, history]

    started = [await asyncio.create_subprocess_exec(*command_line, stderr=PIPE) for _ in range(2)]
    ended = await asyncio.gather(*(process.communicate() for process in started))

    assert [process.returncode for process in started] == [0, 0], ended
    assert await revision_of(engine) == head_of(history)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences, history) == []


@both_histories
async def test_a_migration_that_fails_leaves_the_database_as_it_was(engine: AsyncEngine, history: History):
    async with engine.begin() as connection:
        table = max(table for metadata in METADATA[history] for table in metadata.tables)
        await connection.execute(text(f'CREATE TABLE "{table}" (in_the_way INTEGER)'))

    with pytest.raises(Exception, match="exists"):
        await upgrade(engine, history)

    async with engine.connect() as connection:
        assert await connection.run_sync(tables_of) == {table}
    assert await revision_of(engine) is None


@both_histories
async def test_serving_migrates_an_empty_database(engine: AsyncEngine, history: History):
    await prepare(engine, history)

    assert await revision_of(engine) == head_of(history)


@both_histories
async def test_serving_refuses_a_postgresql_database_at_another_revision(
    engine: AsyncEngine, history: History
):
    await upgrade(engine, history)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = 'another_0007'"))

    if engine.dialect.name == "sqlite":
        with pytest.raises(Exception, match="another_0007"):
            await prepare(engine, history)
        return
    with pytest.raises(NotMigratedError, match=r"another_0007.*run `domicile migrate`") as refused:
        await prepare(engine, history)
    assert str(engine.url.database) in str(refused.value)


FROM_BEFORE = {
    History.GLOBAL: (
        [
            "INSERT INTO users VALUES ('u', 'a@b.c', 'a@b.c', 'Ann', 'en', 'UTC', 'enabled', 1, 1, :then, :then)"
        ],
        "SELECT name, address_since FROM users",
        ("Ann", None),
    ),
    History.REGION: (
        [
            "INSERT INTO accounts VALUES ('a', 'Labs', 'en', 'UTC', 'active', false, :then, 'u', :then, :then, 1)",
            "INSERT INTO memberships VALUES ('a', 'u', 'full-access', 'enabled', :then, :then, NULL, 1)",
        ],
        "SELECT role_id, absence FROM memberships",
        ("full-access", None),
    ),
}
"""Rows that the first release wrote, and what must be found of them."""


@both_histories
async def test_people_and_places_from_the_first_release_are_kept_and_count(
    engine: AsyncEngine, history: History
):
    rows, question, answer = FROM_BEFORE[history]
    async with engine.begin() as connection:
        await connection.run_sync(run_alembic, history, command.upgrade, f"{history}_0001")
        for row in rows:
            await connection.execute(text(row.replace(":then", "'2026-11-23 00:00:00+00:00'")))

    await upgrade(engine, history)

    async with engine.begin() as connection:
        assert tuple((await connection.execute(text(question))).one()) == answer
        await connection.run_sync(run_alembic, history, command.downgrade, f"{history}_0001")
        kept = await connection.execute(text(question.partition(",")[0] + " FROM " + question.split()[-1]))
        assert kept.scalar_one() == answer[0]


async def test_a_database_of_the_other_history_is_not_taken_for_ones_own(engine: AsyncEngine):
    await upgrade(engine, History.GLOBAL)

    with pytest.raises(Exception, match=head_of(History.GLOBAL)):
        await prepare(engine, History.REGION)
    async with engine.connect() as connection:
        assert "accounts" not in await connection.run_sync(tables_of)


def test_each_history_has_one_newest_revision():
    assert {history: bool(head_of(history)) for history in History} == dict.fromkeys(History, True)
