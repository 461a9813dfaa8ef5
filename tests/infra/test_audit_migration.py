"""Audit events that were written before there was a tree get their places in it, and nothing of them is lost."""

import json
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domicile.infra.databases import region_database
from domicile.infra.migrations import History
from domicile.kernel.hash_tree import root_of
from domicile.kernel.ids import AccountId, RegionId
from domicile.region.audit.domain import EVERYTHING, RecordedEvent, by_system
from domicile.region.audit.leaf import commit, hash_of_leaf, leaf_to_tell
from domicile.region.audit.store import append_audit, list_in_order
from tests.infra.test_migrations import run_alembic

START = datetime(2026, 11, 23, 14, 0, 0, 123456, tzinfo=UTC)
FIRST, SECOND = AccountId("004217730956"), AccountId("700000000001")
COUNT = 2500
"""More than are read at once."""
INSERT = text(
    "INSERT INTO audit_events (account_id, event_id, at, type, principal_kind, principal_id, principal_email,"
    " outcome, request_id, source_address, details) VALUES (:account, :event, :at, :type, 'user', 'u-1', :email,"
    " 'success', 'r-1', '192.0.2.7', {})"
)


def row(number: int, account: str = FIRST) -> dict[str, Any]:
    """An event as it was; two of each moment, to be told apart by their ids."""
    return {
        "account": account,
        "event": f"{(number * 7919) % COUNT:08d}",
        "at": START + timedelta(seconds=number // 2),
        "type": "audit.invitation_created.v1",
        "email": "ada@example.com",
        "details": json.dumps({"email": f"guest{number}@example.com", "n": number, "none": None}),
    }


@pytest.fixture
async def engine(make_database: Callable[[str], str]) -> AsyncGenerator[AsyncEngine]:
    """A region's database as release 0001 left it, with events of two accounts in no order."""
    database = region_database(make_database("region"), RegionId("de-1"))
    details = ":details" if database.engine.dialect.name == "sqlite" else "CAST(:details AS JSONB)"
    insert = text(str(INSERT).format(details)).bindparams(bindparam("at", type_=DateTime(timezone=True)))
    async with database.engine.begin() as connection:
        await connection.run_sync(run_alembic, History.REGION, command.upgrade, "region_0001")
        await connection.execute(insert, [row(number) for number in reversed(range(COUNT))])
        await connection.execute(insert, [row(number, SECOND) for number in range(3)])
    yield database.engine
    await database.close()


async def read(engine: AsyncEngine, account: AccountId) -> tuple[RecordedEvent, ...]:
    url = engine.url.render_as_string(hide_password=False)
    database = region_database(url, RegionId("de-1"))
    try:
        return await database.read(
            lambda tx: list_in_order(tx, account, EVERYTHING, begin=0, end=10**6, at_most=10**6)
        )
    finally:
        await database.close()


async def upgrade(engine: AsyncEngine, target: str = "head") -> None:
    async with engine.begin() as connection:
        await connection.run_sync(run_alembic, History.REGION, command.upgrade, target)


async def test_events_of_before_get_places_in_the_order_of_their_moments_and_ids(engine: AsyncEngine):
    await upgrade(engine)

    events = await read(engine, FIRST)

    assert [event.seq for event in events] == list(range(COUNT))
    moments = [(event.event.at, event.event_id) for event in events]
    assert moments == sorted(moments)
    assert [event.seq for event in await read(engine, SECOND)] == [0, 1, 2]


async def test_events_of_before_say_what_they_said_and_commit_to_it(engine: AsyncEngine):
    await upgrade(engine)

    for recorded in await read(engine, FIRST):
        event, evidence = recorded.event, recorded.evidence
        number = event.details["n"]
        assert event.details == {"email": f"guest{number}@example.com", "n": number, "none": None}
        assert (event.principal_email, event.source_address) == ("ada@example.com", "192.0.2.7")
        assert event.at == START + timedelta(seconds=number // 2)
        assert evidence.details["email"] is None
        assert evidence.salt is not None
        assert evidence.personal is not None
        assert evidence.commitment == commit(evidence.salt, evidence.personal)
        assert evidence.leaf_hash == hash_of_leaf(leaf_to_tell(recorded))


async def test_events_of_after_go_on_where_those_of_before_end(engine: AsyncEngine):
    await upgrade(engine)
    database = region_database(engine.url.render_as_string(hide_password=False), RegionId("de-1"))
    event = by_system(FIRST, "audit.account_updated.v1", {}, now=START)
    try:
        assert await database.run_tx(lambda tx: append_audit(tx, event)) == COUNT
    finally:
        await database.close()

    leaves = [recorded.evidence.leaf_hash for recorded in await read(engine, FIRST)]
    assert len(root_of(leaves)) == 32
    assert len(set(leaves)) == COUNT + 1


async def test_going_back_gives_the_events_as_they_were(engine: AsyncEngine):
    query = text(
        "SELECT account_id, event_id, at, type, principal_id, principal_email, source_address, details"
        " FROM audit_events ORDER BY account_id, event_id"
    )
    async with engine.connect() as connection:
        before = [_plain(row) for row in await connection.execute(query)]
    await upgrade(engine)
    async with engine.begin() as connection:
        await connection.run_sync(run_alembic, History.REGION, command.downgrade, "region_0001")

    async with engine.connect() as connection:
        assert [_plain(row) for row in await connection.execute(query)] == before


def _plain(found: Any) -> list[Any]:  # noqa: ANN401  # a row of any engine
    *others, details = found
    return [*others, json.loads(details) if isinstance(details, str) else details]
