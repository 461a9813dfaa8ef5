"""Databases and units of work: one transaction per use case, typed by plane, retried when engines ask for it."""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import CursorResult, Executable, Row, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domicile.infra.sqlite_driver import open_sqlite, read_only
from domicile.kernel.errors import DomainError, ErrorKind
from domicile.kernel.ids import RegionId

ResultT = TypeVar("ResultT")
_Parameters = Mapping[str, object] | Sequence[Mapping[str, object]]
_PATIENCE_SECONDS = 10.0
_CONNECT_SECONDS = 5
_STATEMENT_SECONDS = 10
_BUSY_MILLISECONDS = 5_000
_PRAGMAS = (
    f"busy_timeout={_BUSY_MILLISECONDS}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "trusted_schema=OFF",
)
_SQLITE_CONNECTIONS = 3
"""Each has a thread of its own, and all of them one interpreter lock: more would only take memory."""
_RETRIED_SQLSTATES = {"40001", "40P01", "55P03"}
_OUTAGE_SQLSTATES = ("08", "25006", "28", "3D", "53", "55000", "57", "58", "XX")
"""Beginnings of: no connection, read-only since a failover, no entry, no such database, full, closed to connections, stopped, broken."""
_POSTGRESQL_READS: dict[str, Any] = {  # Any: as SQLAlchemy has its options
    "isolation_level": "REPEATABLE READ",
    "postgresql_readonly": True,
}
_log = structlog.get_logger("domicile.databases")

_open_transaction: ContextVar[str | None] = ContextVar("open_transaction", default=None)


class Tx:
    """A running transaction; stores take it and never begin or end one."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._after_commit: list[Callable[[], None]] = []

    async def execute(
        self, statement: Executable, parameters: _Parameters | None = None
    ) -> CursorResult[Any]:
        """Run a statement; `parameters` is a mapping or, for many rows at once, a list of them."""
        return await self._connection.execute(statement, parameters)

    async def touch(self) -> None:
        """Ask the engine for a sign of life."""
        await self._connection.execute(select(1))

    async def first(
        self, statement: Executable, parameters: Mapping[str, object] | None = None
    ) -> Row[Any] | None:
        """Run a query and give its first row."""
        return (await self._connection.execute(statement, parameters)).first()

    async def all(
        self, statement: Executable, parameters: Mapping[str, object] | None = None
    ) -> Sequence[Row[Any]]:
        """Run a query and give all its rows; the statement bounds them."""
        return (await self._connection.execute(statement, parameters)).all()

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
        self._reading = self.engine if self._is_sqlite else self.engine.execution_options(**_POSTGRESQL_READS)
        self._one_writer = asyncio.Lock()
        self.label = f"{self.engine.dialect.name} {Path(make_url(url).database or '').name}"

    async def run_tx(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        """Run `work` in a serializable transaction and commit.

        `work` must be free of side effects: it runs again, from the start, when the engine reports a serialization failure or a
        busy file, for ten seconds at most. A transaction inside another, of whichever plane, is a RuntimeError.
        `database-unavailable` when the database cannot be reached.
        """

        async def once(attempt: int) -> tuple[TxT, ResultT]:
            if attempt == 0 and not self._is_sqlite:
                return await self._commit(work)
            # SQLite has one writer, and what collided on PostgreSQL would collide again: waiting here is fair and cheap.
            async with self._one_writer:
                return await self._commit(work)

        tx, result = await self._patiently(once)
        tx.committed()
        return result

    async def rehearse(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        """Run `work` as `run_tx` does, up to the commit, and take it all back: what it gives is what would be."""

        async def once(_attempt: int) -> ResultT:
            async with (
                self._one_writer if self._is_sqlite else nullcontext(),
                self.engine.connect() as connection,
            ):
                return await work(self._begin(connection))

        return await self._patiently(once)

    async def read(self, work: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
        """Run queries on one snapshot; nothing that `work` does is kept."""

        async def once(_attempt: int) -> ResultT:
            async with self._reading.connect() as connection:
                if self._is_sqlite:
                    read_only(connection)
                return await work(self._begin(connection))

        return await self._patiently(once)

    async def _patiently(self, once: Callable[[int], Awaitable[ResultT]]) -> ResultT:
        with _Alone(self._name):
            give_up_at = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            attempt = 0
            while True:
                try:
                    return await once(attempt)
                except DBAPIError as error:
                    if not _is_worth_retrying(error) or asyncio.get_running_loop().time() > give_up_at:
                        raise self._translated(error) from None
                except (OSError, PoolTimeout) as error:
                    raise self._unavailable(error) from None
                await asyncio.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))  # noqa: S311  # jitter, no secret
                attempt += 1

    async def _commit(self, work: Callable[[TxT], Awaitable[ResultT]]) -> tuple[TxT, ResultT]:
        async with self.engine.connect() as connection:
            tx = self._begin(connection)
            result = await work(tx)
            await connection.commit()
        return tx, result

    def _translated(self, error: DBAPIError) -> Exception:
        if _is_outage(error) or _is_worth_retrying(error):
            return self._unavailable(error)
        return StatementRefused(type(error).__name__, _sqlstate(error))

    def _unavailable(self, error: Exception) -> DomainError:
        _log.warning(
            "database_unavailable", database=self._name, error=type(error).__name__, sqlstate=_sqlstate(error)
        )
        return DomainError(
            ErrorKind.UNAVAILABLE,
            "database-unavailable",
            "A database cannot be reached: try again in a moment.",
        )

    async def close(self) -> None:
        """Let go of every connection."""
        await self.engine.dispose()


class StatementRefused(Exception):
    """The engine refused a statement, which is a fault of ours; says the kind of refusal, never the driver's text.

    Those texts hold what somebody typed.
    """

    @property
    def is_about_a_constraint(self) -> bool:
        """Tell whether a constraint of the schema was broken, such as two rows with one unique value."""
        return "IntegrityError" in self.args


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
    return open_sqlite(
        url,
        _PRAGMAS,
        pool_size=_SQLITE_CONNECTIONS,
        max_overflow=0,
        pool_timeout=_PATIENCE_SECONDS,
        hide_parameters=True,
    )


def _postgresql_engine(url: str) -> AsyncEngine:
    return create_async_engine(
        url,
        pool_size=8,
        max_overflow=8,
        pool_timeout=_PATIENCE_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
        isolation_level="SERIALIZABLE",
        connect_args={
            "timeout": _CONNECT_SECONDS,
            "command_timeout": _STATEMENT_SECONDS,
            "server_settings": {"application_name": "domicile"},
        },
    )


def _is_worth_retrying(error: DBAPIError) -> bool:
    return _sqlstate(error) in _RETRIED_SQLSTATES or "database is locked" in str(error.orig)


def _is_outage(error: DBAPIError) -> bool:
    if _sqlstate(error).startswith(_OUTAGE_SQLSTATES) or error.connection_invalidated:
        return True
    # SQLite has no class of errors for a file that is broken, or is none of its own.
    is_broken_file = type(error.orig) is sqlite3.DatabaseError
    return is_broken_file or isinstance(error, OperationalError | InterfaceError)


def _sqlstate(error: Exception) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
