"""The SQLite driver with one errand to its thread for a statement, where it would run one each to open, execute, fetch and close.

Each errand wakes two threads, which costs more than most statements do. For the same reason a transaction is begun by the errand of its
first statement, and what is in no transaction is not rolled back.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_ROWS_OF_AN_ITERATION = 64


def open_sqlite(url: str, pragmas: Sequence[str], **options: Any) -> AsyncEngine:
    """Open a file; its transactions take the lock of writers at their first statement, but for `read_only` ones."""

    def connect() -> _Connection:
        return _Connection(partial(_open_file, make_url(url).database or "", pragmas), _ROWS_OF_AN_ITERATION)

    return create_async_engine(url, async_creator=connect, **options)


def read_only(connection: AsyncConnection) -> None:
    """Let the transaction that begins next on a connection take no lock of writers."""
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, _Connection)
    driver.next_beginning = "BEGIN"


def _open_file(path: str, pragmas: Sequence[str]) -> sqlite3.Connection:
    """Open a connection that begins nothing by itself; one that cannot be set up is closed here, for nobody else hears of it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").close()
    except BaseException:
        connection.close()
        raise
    return connection


class _Connection(aiosqlite.Connection):
    """What it remembers of its transaction is touched by the event loop alone, so that a cancelled errand leaves nothing half known."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        # An engine that nobody closed must not keep the process alive.
        self._thread.daemon = True
        self._end()

    def _end(self) -> None:
        self._may_be_open = False
        self.next_beginning = "BEGIN IMMEDIATE"

    def take_beginning(self) -> str:
        """Give what has to be executed before the next statement; empty inside a transaction."""
        if self._may_be_open:
            return ""
        self._may_be_open = True
        return self.next_beginning

    def cursor(self) -> "_Cursor":  # pyright: ignore[reportIncompatibleMethodOverride]  # entered the same way, without an errand
        return _Cursor(self, self._conn)

    async def commit(self) -> None:
        if self._may_be_open:
            await super().commit()
        self._end()

    async def rollback(self) -> None:
        if self._may_be_open:
            await super().rollback()
        self._end()


class _Cursor(aiosqlite.Cursor):
    """Fetches in the errand that executes, and is closed by it; what it tells of the statement stays."""

    _conn: _Connection
    _cursor: sqlite3.Cursor

    def __init__(self, connection: _Connection, driver: sqlite3.Connection) -> None:
        self._conn = connection
        self._driver = driver
        self._rows: Sequence[Any] = ()

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "_Cursor":
        await self._run(sqlite3.Cursor.execute, sql, tuple(parameters or ()))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "_Cursor":
        await self._run(sqlite3.Cursor.executemany, sql, parameters)
        return self

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def close(self) -> None:
        """Nothing is left to close."""

    async def _run(self, execute: Callable[..., object], sql: str, parameters: object) -> None:
        await self._execute(self._errand, self._conn.take_beginning(), execute, sql, parameters)

    def _errand(self, beginning: str, execute: Callable[..., object], sql: str, parameters: object) -> None:
        if beginning:
            self._driver.execute(beginning)
        with contextlib.closing(self._driver.cursor()) as cursor:
            execute(cursor, sql, parameters)
            self._rows = cursor.fetchall() if cursor.description else ()
        self._cursor = cursor
