"""People from before second factors have none after the upgrade; an app and a session that were begun before count as they did."""

from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.identity.factors.service import read_factors
from domicile.identity.sessions.domain import SessionLimits
from domicile.identity.sessions.store import find_live_session
from domicile.identity.totp.store import find_pending
from domicile.identity.users.store import find_user
from domicile.infra.databases import Database, IdentityTx
from domicile.infra.migrations import History, migrations_folder, upgrade
from domicile.kernel.ids import UserId

_MOMENT = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)
ANN = UserId("0190d2f0-9b7e-7cc0-8f1f-0a1b2c3d4e5f")
_USER = {
    "user_id": ANN,
    "email": "Ann@example.com",
    "email_key": "ann@example.com",
    "name": "Ann Example",
    "locale": "en",
    "time_zone": "UTC",
    "state": "enabled",
    "epoch": 3,
    "version": 7,
    "created_at": _MOMENT,
    "modified_at": _MOMENT,
}
_CONFIRMED = {
    "factor_id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a40",
    "user_id": ANN,
    "name": "Phone",
    "sealed_secret": b"sealed",
    "created_at": _MOMENT,
    "confirmed_at": _MOMENT,
    "last_step": 5,
    "last_used_at": _MOMENT,
}
_PENDING = _CONFIRMED | {
    "factor_id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a41",
    "confirmed_at": None,
    "last_used_at": None,
}


@pytest.fixture
async def database(make_database: Callable[[str], str]) -> AsyncGenerator[Database[IdentityTx]]:
    opened = Database(make_database("database"), IdentityTx, name="database")
    yield opened
    await opened.close()


def _step(connection: Connection, target: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / History.GLOBAL))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, target)


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)  # noqa: S608  # names of ours


async def _prepared(engine: AsyncEngine, revision: str, *apps: dict[str, Any]) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(_step, "global_0001")
        await connection.run_sync(_insert, "users", _USER)
        await connection.run_sync(_step, revision)
        for app in apps:
            await connection.run_sync(_insert, "totp_factors", app)
    assert await upgrade(engine, History.GLOBAL)


async def test_who_was_there_before_has_no_second_factor(database: Database[IdentityTx]):
    await _prepared(database.engine, "global_0001")

    user = await database.read(lambda tx: find_user(tx, ANN))
    have = await database.read(lambda tx: read_factors(tx, ANN))

    assert user
    assert (user.mfa_enabled, user.epoch, user.version) == (False, 3, 7)
    assert (have.factors, have.codes) == ((), None)


async def test_apps_from_before_count_as_they_did_and_replace_none(database: Database[IdentityTx]):
    await _prepared(database.engine, "global_0004", _CONFIRMED, _PENDING)

    have = await database.read(lambda tx: read_factors(tx, ANN))
    pending = await database.read(
        lambda tx: find_pending(tx, ANN, str(_PENDING["factor_id"]), since=datetime(2026, 1, 1, tzinfo=UTC))
    )

    assert [each.name for each in have.factors] == ["Phone"]
    assert pending
    assert pending.replaces_id is None
    async with database.engine.connect() as connection:
        counted = await connection.execute(text("SELECT wrong_codes FROM totp_factors"))
        assert [row.wrong_codes for row in counted] == [0, 0]


async def test_a_session_from_before_goes_on_under_the_id_that_it_had(database: Database[IdentityTx]):
    session = {
        "session_id": "01933b1c-9b0f-7a51-b1c2-9e8d7c6b5a42",
        "token_hash": b"hash",
        "user_id": ANN,
        **dict.fromkeys(("created_at", "last_seen_at", "authenticated_at"), _MOMENT),
        "expires_at": _MOMENT + timedelta(hours=12),
        "methods": "pwd",
        "user_agent": "browser",
        "address_family": "ipv4",
    }
    async with database.engine.begin() as connection:
        await connection.run_sync(_step, "global_0001")
        await connection.run_sync(_insert, "users", _USER)
        await connection.run_sync(_step, "global_0010")
        await connection.run_sync(_insert, "sessions", session)
    assert await upgrade(database.engine, History.GLOBAL)

    limits = SessionLimits(timedelta(minutes=30), timedelta(hours=12))
    live = await database.read(lambda tx: find_live_session(tx, b"hash", limits, now=_MOMENT))

    assert live
    assert (live.id, live.first_id) == (session["session_id"], session["session_id"])
