"""Units of work: typed by plane, alone in their task, retried from the start, and without a word of the driver's."""

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import AsyncGenerator, Callable
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, text, update
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs

from domicile.infra.databases import (
    Database,
    RegionTx,
    StatementRefused,
    Tx,
    _open_transaction,
    directory_database,
    identity_database,
    region_database,
    require_no_transaction,
)
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import RegionId
from tests.support.postgres import PostgresServer

CANARY = "canary-6d1f"
DE, US = RegionId("de-1"), RegionId("us-1")
metadata = MetaData()
counters = Table(
    "counters", metadata, Column("name", Text, primary_key=True), Column("value", Integer, nullable=False)
)


@pytest.fixture
def url(make_database: Callable[[str], str]) -> str:
    return make_database("region")


@pytest.fixture
async def database(url: str) -> AsyncGenerator[Database[RegionTx]]:
    """A region with one counter, at nought."""
    database = region_database(url, DE)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(counters).values(name="one", value=0))
    yield database
    await database.close()


async def count_of(tx: Tx, name: str = "one") -> int:
    row = await tx.first(select(counters.c.value).where(counters.c.name == name))
    assert row is not None
    return row.value


async def set_count(tx: Tx, count: int) -> None:
    await tx.execute(update(counters).values(value=count))


async def add_one(tx: Tx) -> None:
    """Read, then write: loses a step wherever two run at once without noticing."""
    await set_count(tx, await count_of(tx) + 1)


async def test_what_a_transaction_does_is_kept_and_its_result_given(database: Database[RegionTx]):
    async def work(tx: RegionTx) -> RegionId:
        await add_one(tx)
        return tx.region

    assert await database.run_tx(work) == DE
    assert await database.read(count_of) == 1


async def test_a_refused_transaction_leaves_nothing_and_wakes_nobody(database: Database[RegionTx]):
    woken: list[str] = []

    async def work(tx: RegionTx) -> None:
        tx.after_commit(lambda: woken.append("woken"))
        await add_one(tx)
        raise DomainError(ErrorKind.CONFLICT, "no", "No.")

    with pytest.raises(DomainError):
        await database.run_tx(work)

    assert (await database.read(count_of), woken) == (0, [])


async def test_what_waits_for_the_commit_runs_once_and_sees_it_done(database: Database[RegionTx]):
    other = Database(str(database.engine.url.render_as_string(hide_password=False)), RegionTx, name="other")
    seen: list[asyncio.Task[int]] = []

    async def work(tx: RegionTx) -> None:
        tx.after_commit(lambda: seen.append(asyncio.ensure_future(other.read(count_of))))
        await add_one(tx)
        assert not seen

    await database.run_tx(work)

    assert await asyncio.gather(*seen) == [1]
    await other.close()


async def test_reading_keeps_nothing(database: Database[RegionTx]):
    refuses = database.engine.dialect.name == "postgresql"
    with pytest.raises(DomainError, match="database-unavailable") if refuses else nullcontext():
        await database.read(add_one)

    assert await database.read(count_of) == 0


async def test_reading_stays_on_one_snapshot(database: Database[RegionTx]):
    async def twice(tx: RegionTx) -> tuple[int, int]:
        before = await count_of(tx)
        await asyncio.create_task(_outside(database.run_tx, add_one))
        return before, await count_of(tx)

    assert await database.read(twice) == (0, 0)
    assert await database.read(count_of) == 1


async def test_no_step_is_lost_where_many_add_at_once(database: Database[RegionTx]):
    await asyncio.gather(*(database.run_tx(add_one) for _ in range(50)))

    assert await database.read(count_of) == 50


async def test_no_step_is_lost_between_two_processes(database: Database[RegionTx], url: str):
    other = region_database(url, DE)

    await asyncio.gather(*(one.run_tx(add_one) for one in (database, other) for _ in range(15)))

    assert await database.read(count_of) == 30
    await other.close()


@pytest.mark.postgres
async def test_a_serialization_failure_runs_the_work_again_from_the_start(postgres: PostgresServer):
    with postgres.database() as url:
        database, other = region_database(url, DE), region_database(url, DE)
        async with database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            await connection.execute(insert(counters).values(name="one", value=0))
        seen: list[int] = []
        woken: list[int] = []

        async def work(tx: RegionTx) -> None:
            tx.after_commit(lambda: woken.append(len(seen)))
            seen.append(await count_of(tx))
            if len(seen) == 1:
                await asyncio.create_task(_outside(other.run_tx, lambda tx: set_count(tx, 10)))
            await set_count(tx, seen[-1] + 1)

        await database.run_tx(work)

        assert (seen, await database.read(count_of), woken) == ([0, 10], 11, [2])
        await database.close()
        await other.close()


async def test_a_busy_file_is_waited_for(tmp_path: Path):
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", DE)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(counters).values(name="one", value=0))
    holder = sqlite3.connect(tmp_path / "region.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    waiting = asyncio.create_task(database.run_tx(add_one))
    await database.read(count_of)
    assert not waiting.done()
    holder.execute("COMMIT")

    await waiting
    assert await database.read(count_of) == 1
    holder.close()
    await database.close()


async def test_a_transaction_given_up_while_the_file_was_busy_keeps_nothing_and_no_lock(tmp_path: Path):
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", DE)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(counters).values(name="one", value=0))
    holder = sqlite3.connect(tmp_path / "region.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(database.run_tx(lambda tx: set_count(tx, 9)))
    await database.read(count_of)
    drivers = [thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]

    waiting.cancel()
    holder.execute("COMMIT")
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await database.read(count_of) == 0
    await database.close()
    for driver in drivers:  # what was given up is still at it
        await asyncio.to_thread(driver.join, 10)
    holder.execute("BEGIN IMMEDIATE")  # refused at once, were a lock left
    holder.execute("ROLLBACK")
    holder.close()
    await database.run_tx(add_one)
    assert await database.read(count_of) == 1
    await database.close()


async def test_a_transaction_without_a_statement_is_none(database: Database[RegionTx]):
    async def nothing(tx: RegionTx) -> RegionId:
        return tx.region

    async def refused(tx: RegionTx) -> None:
        raise DomainError(ErrorKind.CONFLICT, "no", f"No, {tx.region}.")

    assert await database.run_tx(nothing) == DE
    with pytest.raises(DomainError):
        await database.run_tx(refused)
    await database.run_tx(add_one)
    assert await database.read(count_of) == 1


async def test_rows_that_a_change_returns_and_its_count_are_told(database: Database[RegionTx]):
    more = [{"name": name, "value": 7} for name in ("two", "three")]

    async def work(tx: RegionTx) -> tuple[list[int], int]:
        await tx.execute(insert(counters), more)
        step = update(counters).where(counters.c.value == 7).values(value=8)
        returned = await tx.execute(step.returning(counters.c.value))
        return [row.value for row in returned], await tx.count(update(counters).values(value=9))

    assert await database.run_tx(work) == ([8, 8], 3)


async def test_a_file_that_stays_busy_is_out_of_reach_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("domicile.infra.databases._BUSY_MILLISECONDS", 20)
    monkeypatch.setattr("domicile.infra.databases._PATIENCE_SECONDS", 0.1)
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", DE)
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    holder = sqlite3.connect(tmp_path / "region.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    with pytest.raises(DomainError) as refused:
        await database.run_tx(lambda tx: set_count(tx, 1))

    assert (refused.value.kind, refused.value.code) == (ErrorKind.UNAVAILABLE, "database-unavailable")
    holder.close()
    await database.close()


@pytest.mark.parametrize("inner", ["run_tx", "read"])
@pytest.mark.parametrize("outer", ["run_tx", "read"])
async def test_a_transaction_inside_another_is_refused_whatever_the_planes(
    tmp_path: Path, outer: str, inner: str
):
    shared = f"sqlite+aiosqlite:///{tmp_path / 'identity.db'}"
    databases = [
        identity_database(shared),
        directory_database(shared),
        region_database(f"sqlite+aiosqlite:///{tmp_path / 'de-1.db'}", DE),
        region_database(f"sqlite+aiosqlite:///{tmp_path / 'us-1.db'}", US),
    ]
    for first in databases:
        for second in databases:

            async def work(_tx: Tx, second: Database = second) -> None:
                await getattr(second, inner)(lambda tx: tx.touch())

            with pytest.raises(RuntimeError, match="was begun inside one on"):
                await getattr(first, outer)(work)
            await getattr(second, inner)(lambda tx: tx.touch())
    for database in databases:
        await database.close()


async def test_one_task_may_hold_a_transaction_while_another_holds_its_own(tmp_path: Path):
    first = region_database(f"sqlite+aiosqlite:///{tmp_path / 'de-1.db'}", DE)
    second = region_database(f"sqlite+aiosqlite:///{tmp_path / 'us-1.db'}", US)
    inside = asyncio.Barrier(2)

    async def meet(_tx: Tx) -> None:
        async with asyncio.timeout(10):
            await inside.wait()

    await asyncio.gather(first.run_tx(meet), second.run_tx(meet))
    await first.close()
    await second.close()


async def test_effects_are_refused_inside_a_transaction_and_allowed_outside(tmp_path: Path):
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'de-1.db'}", DE)

    async def effect(_tx: Tx) -> None:
        require_no_transaction()

    require_no_transaction()
    for begin in (database.run_tx, database.read):
        with pytest.raises(RuntimeError, match="inside a transaction on de-1"):
            await begin(effect)
    require_no_transaction()
    await database.close()


OUT_OF_REACH = {
    "a port where nobody listens": "postgresql+asyncpg://x:pw-canary@127.0.0.1:1/x",
    "a socket that is not there": "postgresql+asyncpg://x:pw-canary@/x?host=/nosuch-canary",
    "a folder that is not there": "sqlite+aiosqlite:////nosuch-canary/region.db",
}


@pytest.mark.parametrize("address", OUT_OF_REACH.values(), ids=OUT_OF_REACH)
@pytest.mark.parametrize("begin", ["run_tx", "read"])
async def test_a_database_out_of_reach_is_one_error_without_the_drivers_words(address: str, begin: str):
    database = region_database(address, DE)

    with capture_logs() as logs, pytest.raises(DomainError) as refused:
        await getattr(database, begin)(lambda tx: tx.touch())

    assert (refused.value.kind, refused.value.code) == (ErrorKind.UNAVAILABLE, "database-unavailable")
    assert [(log["event"], log["database"]) for log in logs] == [("database_unavailable", "de-1")]
    assert "canary" not in f"{logs} {refused.value.message} {_whole_story(refused.value)}"
    await database.close()
    await _driver_threads_ended()


async def _driver_threads_ended() -> None:
    """Wait for the thread of a connection that never came about: its driver ends it without waiting, through the loop."""
    while any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):  # noqa: ASYNC110  # a thread tells no event
        await asyncio.sleep(0)


async def test_a_file_that_is_no_database_is_out_of_reach(tmp_path: Path):
    (tmp_path / "region.db").write_bytes(b"canary " * 1000)
    database = region_database(f"sqlite+aiosqlite:///{tmp_path / 'region.db'}", DE)

    with pytest.raises(DomainError, match="database-unavailable"):
        await database.run_tx(lambda tx: tx.touch())
    await database.close()
    await _driver_threads_ended()


@pytest.mark.postgres
async def test_a_missing_database_and_a_missing_role_are_out_of_reach(postgres: PostgresServer):
    with postgres.database() as url:
        for wrong in (url.replace("/test_", "/canary_"), url.replace("://domicile", "://canary")):
            database = region_database(wrong, DE)
            with pytest.raises(DomainError, match="database-unavailable") as refused:
                await database.run_tx(lambda tx: tx.touch())
            assert "canary" not in _whole_story(refused.value)
            await database.close()


@pytest.mark.postgres
async def test_a_database_that_is_closed_to_connections_is_out_of_reach(postgres: PostgresServer):
    with postgres.database() as url, postgres.database() as beside:
        closing = text(f'ALTER DATABASE "{make_url(url).database}" ALLOW_CONNECTIONS false')
        other, database = region_database(beside, US), region_database(url, DE)
        await other.run_tx(lambda tx: tx.execute(closing))
        with pytest.raises(DomainError, match="database-unavailable"):
            await database.read(lambda tx: tx.touch())
        await other.close()
        await database.close()


@pytest.mark.postgres
async def test_a_connection_that_dies_in_the_middle_is_out_of_reach_and_the_next_one_works(
    postgres: PostgresServer,
):
    with postgres.database() as url:
        database = region_database(url, DE)

        with pytest.raises(DomainError, match="database-unavailable"):
            await database.run_tx(
                lambda tx: tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            )

        await database.run_tx(lambda tx: tx.touch())
        await database.close()


@pytest.mark.postgres
async def test_a_server_that_falls_silent_is_out_of_reach_in_seconds(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
):
    """Both before there is a connection, and on one that was good a moment ago."""
    monkeypatch.setattr("domicile.infra.databases._CONNECT_SECONDS", 0.5)
    monkeypatch.setattr("domicile.infra.databases._STATEMENT_SECONDS", 0.5)
    with postgres.database() as url:
        async with _Line(url) as line:
            database = region_database(line.url, DE)
            await database.run_tx(lambda tx: tx.touch())
            line.is_silent = True
            for _ in range(2):
                with pytest.raises(DomainError, match="database-unavailable"):
                    async with asyncio.timeout(15):
                        await database.run_tx(lambda tx: tx.touch())
            line.is_silent = False
            await database.run_tx(lambda tx: tx.touch())
            await database.close()


async def test_a_refused_statement_is_told_without_what_somebody_typed(database: Database[RegionTx]):
    async def twice(tx: RegionTx) -> None:
        for _ in range(2):
            await tx.execute(insert(counters).values(name=CANARY, value=1))

    with capture_logs() as logs, pytest.raises(StatementRefused) as refused:
        await database.run_tx(twice)

    assert "IntegrityError" in str(refused.value)
    assert CANARY not in f"{_whole_story(refused.value)} {logs}"


async def test_a_wrong_value_is_told_without_the_value(database: Database[RegionTx]):
    if database.engine.dialect.name == "sqlite":
        statement = text("INSERT INTO counters (name, value) VALUES ('x', NULL), (:name, 1)")
    else:
        statement = text(
            "INSERT INTO counters (name, value) VALUES ('x', CAST(CAST(:name AS TEXT) AS INTEGER))"
        )

    with pytest.raises(StatementRefused) as refused:
        await database.run_tx(lambda tx: tx.execute(statement, {"name": CANARY}))

    assert CANARY not in _whole_story(refused.value)


async def test_each_wait_for_a_retry_is_short_at_first(database: Database[RegionTx], monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("domicile.infra.databases.random.uniform", lambda _low, high: waits.append(high) or 0)
    monkeypatch.setattr("domicile.infra.databases._is_worth_retrying", lambda _error: len(waits) < 9)

    with pytest.raises(StatementRefused):
        await database.run_tx(lambda tx: tx.execute(insert(counters).values(name="one", value=0)))

    assert waits[0] == 0.005 and waits[-1] == 0.32
    assert all(earlier <= later for earlier, later in pairwise(waits))


class _Line:
    """A TCP line to PostgreSQL's socket that can fall silent without closing."""

    def __init__(self, url: str) -> None:
        self._socket = f"{url.partition('host=')[2].partition('&')[0]}/.s.PGSQL.5432"
        self._url = url
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Event()
        self.url = ""
        self.is_silent = False

    @property
    def is_silent(self) -> bool:
        return not self._heard.is_set()

    @is_silent.setter
    def is_silent(self, silent: bool) -> None:
        if silent:
            self._heard.clear()
        else:
            self._heard.set()

    async def __aenter__(self) -> "_Line":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        before, _, _ = self._url.partition("?")
        self.url = before.replace("@/", f"@127.0.0.1:{port}/")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(self._socket)
        for source, sink in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self._heard.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()


async def _outside(begin, work) -> None:
    """Run a transaction in a task that has left the one around it, as another request would."""
    _open_transaction.set(None)
    await begin(work)


def _whole_story(error: BaseException) -> str:
    """All that a traceback of it would print."""
    return "".join(traceback.format_exception(error))
