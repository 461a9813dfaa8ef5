"""Invitations of the first release live on: they were mailed, in the language of their account, and can still be accepted."""

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
_INVITATION = {
    "account_id": "004217730956",
    "invitation_id": "A" * 32,
    "email": "Ann@example.com",
    "email_key": "ann@example.com",
    "role_id": "read-only",
    "state": "invited",
    "created_at": _MOMENT,
    "created_by_kind": "user",
    "created_by_id": "u-1",
    "modified_at": _MOMENT,
    "expires_at": _MOMENT,
    "last_sent_at": None,
    "sends": 1,
    "token_hash": b"hash",
    "version": 1,
}


@pytest.fixture
async def engine(make_database: Callable[[str], str]) -> AsyncGenerator[AsyncEngine]:
    database = Database(make_database("database"), Tx, name="database")
    yield database.engine
    await database.close()


def _step(connection: Connection, step: Callable[..., None], target: str) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / History.REGION))
    config.set_main_option("path_separator", "os")
    step(config, target)


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)  # noqa: S608  # names of ours


async def test_what_was_invited_before_was_mailed_in_the_accounts_language(engine: AsyncEngine):
    async with engine.begin() as connection:
        await connection.run_sync(_step, command.upgrade, "region_0001")
        await connection.run_sync(_insert, "accounts", _ACCOUNT)
        await connection.run_sync(_insert, "invitations", _INVITATION)

    assert await upgrade(engine, History.REGION)

    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT delivery, locale, sends FROM invitations"))).all()
        mails = (await connection.execute(text("SELECT count(*) FROM invitation_mails"))).scalar_one()
    assert [tuple(row) for row in rows] == [("mail", None, 1)]
    assert mails == 0


async def test_a_node_of_the_release_before_may_still_invite_while_nodes_are_exchanged(engine: AsyncEngine):
    await upgrade(engine, History.REGION)

    async with engine.begin() as connection:
        await connection.run_sync(_insert, "accounts", _ACCOUNT)
        await connection.run_sync(_insert, "invitations", _INVITATION)
        delivery = (await connection.execute(text("SELECT delivery FROM invitations"))).scalar_one()

    assert delivery == "mail"


async def test_going_back_leaves_no_state_that_the_release_before_does_not_know(engine: AsyncEngine):
    await upgrade(engine, History.REGION)
    async with engine.begin() as connection:
        await connection.run_sync(_insert, "accounts", _ACCOUNT)
        await connection.run_sync(_insert, "invitations", {**_INVITATION, "state": "declined"})
        await connection.run_sync(_step, command.downgrade, "region_0001")
        state = (await connection.execute(text("SELECT state FROM invitations"))).scalar_one()

    assert state == "revoked"
