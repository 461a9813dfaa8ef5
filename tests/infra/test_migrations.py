"""Migrations: what they make is what the code declares, on both engines, however often and by however many they are run."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, DateTime, Insert, MetaData, column, inspect, select, table, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.apps.tables import GLOBAL_METADATA, REGION_METADATA
from domicile.directory.accounts.store import accounts as entries
from domicile.identity.passwords.store import passwords
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
from domicile.region.accounts.store import accounts
from domicile.region.contacts.store import contacts

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
from domicile.directory.accounts.store import accounts as entries
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
        name = max(name for metadata in METADATA[history] for name in metadata.tables)
        await connection.execute(text(f'CREATE TABLE "{name}" (in_the_way INTEGER)'))

    with pytest.raises(Exception, match="exists"):
        await upgrade(engine, history)

    async with engine.connect() as connection:
        assert await connection.run_sync(tables_of) == {name}
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


_FIRST = {History.GLOBAL: "global_0001", History.REGION: "region_0001"}
_NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


async def _with_rows_of_the_first_release(engine: AsyncEngine, history: History, *rows: Insert) -> None:
    """Make a database as the first release left it, with rows in it."""
    async with engine.begin() as connection:
        await connection.run_sync(run_alembic, history, command.upgrade, _FIRST[history])
        for row in rows:
            await connection.execute(row)


def _row(name: str, /, **values: object) -> Insert:
    """Write a row of a table as it was then, whatever the code declares now."""
    moment = DateTime(timezone=True)
    columns = [
        column(each, moment if isinstance(value, datetime) else None) for each, value in values.items()
    ]
    return table(name, *columns).insert().values(values)


def _account(account: str, creator: str) -> Insert:
    stamps = {
        "created_at": _NOW,
        "modified_at": _NOW,
        "entitled_at": _NOW,
        "created_by": creator,
        "version": 1,
    }
    told = {"alias": "Labs", "locale": "en", "time_zone": "UTC", "state": "active", "mfa_required": False}
    return _row("accounts", account_id=account, **told, **stamps)


def _member(account: str, user: str, role: str, state: str = "enabled") -> tuple[Insert, Insert]:
    key = {"account_id": account, "user_id": user}
    stamps = {"created_at": _NOW, "modified_at": _NOW, "version": 1}
    told = {"locale": "en", "time_zone": "UTC", "mfa_enabled": False, "epoch": 0, "card_version": 1}
    return (
        _row("memberships", **key, role_id=role, state=state, **stamps),
        _row("member_cards", **key, name=user, email=f"{user}@example.com", **told),
    )


async def test_accounts_of_the_first_release_stay_active_and_their_contacts_begin_with_their_creators(
    engine: AsyncEngine,
):
    await _with_rows_of_the_first_release(
        engine,
        History.REGION,
        _account("000000000001", "ann"),
        *_member("000000000001", "abe", "full-access"),
        *_member("000000000001", "ann", "read-only"),
        _account("000000000002", "gone"),
        *_member("000000000002", "amy", "read-only"),
        *_member("000000000002", "ann", "full-access", "disabled"),
        *_member("000000000002", "zoe", "full-access"),
    )

    assert await upgrade(engine, History.REGION)

    async with engine.connect() as connection:
        query = select(
            accounts.c.account_id,
            accounts.c.state,
            accounts.c.suspended_at,
            accounts.c.purge_after,
            contacts.c.billing,
            contacts.c.general,
            contacts.c.version,
        )
        found = (await connection.execute(query.join(contacts).order_by(accounts.c.account_id))).all()
    assert [tuple(row) for row in found] == [
        ("000000000001", "active", None, None, ["ann@example.com"], ["ann@example.com"], 1),
        ("000000000002", "active", None, None, ["zoe@example.com"], ["zoe@example.com"], 1),
    ]


async def test_entries_of_the_first_release_have_no_end(engine: AsyncEngine):
    entry = {"account_id": "000000000001", "region_id": "de-1", "state": "active", "alias": "Labs"}
    row = _row("directory_accounts", **entry, version=1, created_at=_NOW, creator_id="ann")
    await _with_rows_of_the_first_release(engine, History.GLOBAL, row)

    assert await upgrade(engine, History.GLOBAL)

    async with engine.connect() as connection:
        (row,) = (await connection.execute(select(entries))).all()
    assert (row.state, row.alias, row.purge_after) == ("active", "Labs", None)


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


async def test_passwords_of_the_first_release_can_stand_alone(engine: AsyncEngine):
    told = {"name": "Ann", "locale": "en", "time_zone": "UTC", "state": "enabled", "epoch": 1, "version": 1}
    stamps = {"created_at": _NOW, "modified_at": _NOW}
    user = _row("users", user_id="ann", email="a@b.example", email_key="a@b.example", **told, **stamps)
    password = _row("passwords", user_id="ann", hash="$argon2id$", changed_at=_NOW)
    await _with_rows_of_the_first_release(engine, History.GLOBAL, user, password)

    assert await upgrade(engine, History.GLOBAL)

    async with engine.connect() as connection:
        query = select(passwords.c.hash, passwords.c.is_short)
        assert [tuple(row) for row in (await connection.execute(query)).all()] == [("$argon2id$", False)]


async def test_a_database_of_the_other_history_is_not_taken_for_ones_own(engine: AsyncEngine):
    await upgrade(engine, History.GLOBAL)

    with pytest.raises(Exception, match=head_of(History.GLOBAL)):
        await prepare(engine, History.REGION)
    async with engine.connect() as connection:
        assert "accounts" not in await connection.run_sync(tables_of)


def test_each_history_has_one_newest_revision():
    assert {history: bool(head_of(history)) for history in History} == dict.fromkeys(History, True)
