"""Databases and units of work: one transaction per use case, typed by plane, retried when engines ask for it."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Row, Table, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import RegionId

ResultT = TypeVar("ResultT")
_ATTEMPTS = 12
_BUSY_MILLISECONDS = 10_000
_RETRIED_SQLSTATES = {"40001", "40P01", "55P03"}

_open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


class Tx:
    """A running transaction; stores take it and never begin or end one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._after_commit: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement; `parameters` is a mapping or, for many rows at once, a list of them."""
        return await self._connection.execute(statement, parameters)

    async def touch(self) -> None:
        """Ask the engine for a sign of life."""
        await self._connection.execute(select(1))

    async def first(self, statement: Executable) -> Row[Any] | None:
        """Run a query and give its first row."""
        return (await self._connection.execute(statement)).first()

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """Run a query and give all its rows; the statement bounds them."""
        return (await self._connection.execute(statement)).all()

    async def count(self, statement: Executable) -> int:
        """Run a change and tell how many rows it touched."""
        return (await self._connection.execute(statement)).rowcount

    def insert(self, table: Table) -> "postgresql.Insert":
        """Begin an INSERT that knows ON CONFLICT, in the words of this engine.

        Typed as PostgreSQL's; SQLite's has the same methods.
        """
        if self._connection.dialect.name == "sqlite":
            return sqlite.insert(table)  # pyright: ignore[reportReturnType]  # same surface, no shared base
        return postgresql.insert(table)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Run something quick, in memory, once the transaction has been committed."""
        self._after_commit.append(act)

    def committed(self) -> None:
        """Run what waited for the commit."""
        for act in self._after_commit:
            act()


class DirectoryTx(Tx):
    """A transaction on the directory."""


class IdentityTx(DirectoryTx):
    """A transaction on identity, whose database also holds the directory."""


class RegionTx(Tx):
    """A transaction on one region's database."""

    region: RegionId


TxT = TypeVar("TxT", bound=Tx)


class Database(Generic[TxT]):
    """One database of one plane."""

    def __init__(self, url: str, begin: Callable[[AsyncConnection], TxT], *, name: str) -> None:
        self._begin = begin
        self._name = name
        self._is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine: AsyncEngine = _sqlite_engine(url) if self._is_sqlite else _postgresql_engine(url)
        self._one_writer = asyncio.Lock()
        self.label = f"{self.engine.dialect.name} {Path(make_url(url).database or '').name}"

    async def run_tx(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        """Run `work` in a serializable transaction and commit.

        `work` must be free of side effects: it runs again, from the start, when the engine reports a serialization failure or a
        busy file. A transaction inside another, of whichever plane, is a RuntimeError. `unavailable` when the database cannot be reached.
        """
        with _Alone(self._name):
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._once(work)
                except DBAPIError as error:
                    if not _is_worth_retrying(error) or attempt == _ATTEMPTS - 1:
                        raise _translated(error) from error
                except (ConnectionError, TimeoutError) as error:
                    raise _unavailable() from error
                await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311  # jitter, no secret
        raise AssertionError("the last attempt returns or raises")

    async def read(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        """Run queries on one snapshot; nothing that `work` does is kept."""
        with _Alone(self._name):
            try:
                async with self.engine.connect() as connection:
                    await connection.execution_options(domicile_reads=True)
                    if not self._is_sqlite:
                        await connection.execution_options(
                            isolation_level="REPEATABLE READ", postgresql_readonly=True
                        )
                    return await work(self._begin(connection))
            except DBAPIError as error:
                raise _translated(error) from error
            except (ConnectionError, TimeoutError) as error:
                raise _unavailable() from error

    async def _once(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        if not self._is_sqlite:
            return await self._commit(work)
        async with (
            self._one_writer
        ):  # SQLite has one writer: waiting here is fair and cheap, waiting in its file lock is neither
            return await self._commit(work)

    async def _commit(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        async with self.engine.connect() as connection:
            tx = self._begin(connection)
            result = await work(tx)
            await connection.commit()
        tx.committed()
        return result

    async def close(self) -> None:
        """Let go of every connection."""
        await self.engine.dispose()


class _Alone:
    """Refuses a transaction while another is open in the same task: planes never hold locks on each other."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        if (outer := _open_transaction.get()) is not None:
            raise RuntimeError(f"a transaction on {self._name} was begun inside one on {outer}")
        self._token = _open_transaction.set(self._name)

    def __exit__(self, *_: object) -> None:
        _open_transaction.reset(self._token)


def identity_database(url: str) -> Database[IdentityTx]:
    """Open the database of identity and directory."""
    return Database(url, IdentityTx, name="identity")


def directory_database(url: str) -> Database[DirectoryTx]:
    """Open the directory as a region's process sees it."""
    return Database(url, DirectoryTx, name="directory")


def region_database(url: str, region: RegionId) -> Database[RegionTx]:
    """Open one region's database."""

    def begin(connection: AsyncConnection) -> RegionTx:
        tx = RegionTx(connection)
        tx.region = region
        return tx

    return Database(url, begin, name=region)


def require_no_transaction() -> None:
    """Refuse, by RuntimeError, to leave the process while a transaction is open: mail and other effects come from the outbox."""
    if (outer := _open_transaction.get()) is not None:
        raise RuntimeError(f"an effect was attempted inside a transaction on {outer}")


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=4, max_overflow=8, pool_timeout=30, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """Set what every SQLite connection needs; the driver's own implicit BEGIN is switched off, ours follows."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_MILLISECONDS}",
        "trusted_schema=OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("domicile_reads"):
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql_engine(url: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=30,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="SERIALIZABLE",
        connect_args={
            "timeout": 10,
            "command_timeout": 30,
            "server_settings": {"application_name": "domicile"},
        },
    )


def _is_worth_retrying(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return state in _RETRIED_SQLSTATES or "database is locked" in str(error.orig)


def _translated(error: DBAPIError) -> Exception:
    if (
        isinstance(error, OperationalError | InterfaceError)
        or error.connection_invalidated
        or _is_worth_retrying(error)
    ):
        return _unavailable()
    return error


def _unavailable() -> DomainError:
    return DomainError(
        ErrorKind.UNAVAILABLE, "database-unavailable", "A database cannot be reached: try again in a moment."
    )
