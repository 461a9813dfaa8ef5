"""SQLite behind aiosqlite, with one turn of a connection's thread per statement instead of three or four."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import aiosqlite

_Rows = list[Any]  # Any: whatever a query selects


class WholeStatements(aiosqlite.Connection):
    """A connection whose cursors run a statement, fetch all its rows and close, in one go.

    On a busy machine the way to the thread and back costs more than the statement. SQLAlchemy fetches all rows anyway.
    """

    def __init__(self, path: str) -> None:
        super().__init__(lambda: sqlite3.connect(path), iter_chunk_size=64)
        # As SQLAlchemy does it: a connection that is forgotten holds no process back.
        self._thread.daemon = True

    def cursor(self) -> "_WholeStatement":  # pyright: ignore[reportIncompatibleMethodOverride]  # the part that SQLAlchemy uses
        """Make a cursor, without a turn of the thread."""
        return _WholeStatement(self)

    async def rollback(self) -> None:
        """Roll back; without a turn of the thread where no transaction is open, as when a connection returns after its commit."""
        if self.in_transaction:
            await super().rollback()

    async def run(self, statement: "_WholeStatement", sql: str, parameters: Sequence[Any]) -> None:
        """Run one statement in the thread."""
        await self._execute(statement.run_in_thread, self._conn, sql, parameters)

    async def run_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run one statement with many sets of parameters in the thread; gives how many rows it touched."""
        return (await self._execute(self._conn.executemany, sql, rows)).rowcount


class _WholeStatement:
    """What SQLAlchemy's adapter sees of a cursor (PEP 249)."""

    arraysize = 1

    def __init__(self, connection: WholeStatements) -> None:
        self._connection = connection
        self._rows: _Rows = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "_WholeStatement":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement to its end."""
        await self._connection.run(self, sql, parameters)

    async def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run a statement for many sets of parameters."""
        self.rowcount = await self._connection.run_many(sql, rows)

    async def fetchall(self) -> _Rows:
        """Give the rows, which are here already."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the statement is over since it was run."""

    def run_in_thread(self, connection: sqlite3.Connection, sql: str, parameters: Sequence[Any]) -> None:
        """Run in the thread of the connection."""
        cursor = connection.execute(sql, parameters)
        try:
            self.description = cursor.description
            if self.description is not None:
                self._rows = cursor.fetchall()
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


def connect(path: str) -> WholeStatements:
    """Open a database file; to be awaited."""
    return WholeStatements(path)
