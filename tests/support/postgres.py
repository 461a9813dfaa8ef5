"""One throw-away PostgreSQL cluster for all the tests of a run, and fresh databases in it."""

import asyncio
import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg

from domicile.apps.local_postgres import (
    OWNER,
    account_may,
    address_of,
    create_cluster,
    find_binaries,
    own_folder,
    reach_binaries,
    start_cluster,
)

ResultT = TypeVar("ResultT")

# Nothing here outlives the run, so nothing needs to survive a crash.
_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "autovacuum": "off",
    "shared_buffers": "64MB",
}
_CALL_SECONDS = 30

# Connections that a test left behind are ended first; rows go without regard to foreign keys, since all of them go.
_EMPTY = """
DO $$
DECLARE found record;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET LOCAL session_replication_role = replica;
    FOR found IN SELECT schemaname, tablename FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
    LOOP
        EXECUTE format('DELETE FROM %I.%I', found.schemaname, found.tablename);
    END LOOP;
END $$
"""


class PostgresServer:
    """A running cluster that gives databases; every call is safe from inside a running event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spare: dict[str, list[str]] = {}

    @contextmanager
    def database(self, *, template: str = "template0") -> Generator[str]:
        """Lend a database that nobody else uses, as a copy of `template`, and give its SQLAlchemy URL.

        One that comes back is emptied and lent again, which takes a tenth of the time of a new copy.
        """
        spare = self._spare.setdefault(template, [])
        name = spare.pop() if spare else self._create(template)
        try:
            yield self._address(name)
        finally:
            if template == "template0":
                self._execute("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
            else:
                self._execute(name, _EMPTY)
                spare.append(name)

    def require_template(self, name: str, prepare: Callable[[str], None]) -> str:
        """Return the template of that name, which `prepare`, given its URL, fills once for all the processes of a run.

        What it fills must be tables without rows: rows are deleted when a copy comes back.
        """
        with _locked(self._folder / "lock"):
            known = self._folder / f"template-{name}"
            if not known.exists():
                self._execute("postgres", f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
                prepare(self._address(name))
                known.touch()
        return name

    def _address(self, name: str) -> str:
        return address_of(name, socket_folder=self._folder / "socket")

    def _create(self, template: str) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._execute("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return name

    def _execute(self, database: str, *statements: str) -> None:
        async def execute() -> None:
            host = str(self._folder / "socket")
            connection = await asyncpg.connect(
                host=host, port=5432, user=OWNER, database=database, timeout=_CALL_SECONDS
            )
            try:
                for statement in statements:
                    await connection.execute(statement, timeout=_CALL_SECONDS)
            finally:
                await connection.close()

        run_apart(execute())


def run_apart(work: Coroutine[object, object, ResultT]) -> ResultT:
    """Run a coroutine to its end in a thread of its own, so that a caller inside an event loop may wait for it."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


@contextmanager
def running_postgres(run_id: str) -> Generator[PostgresServer]:
    """Join the cluster of this run, starting it if this is the first process to ask; it stops after the last has left.

    Each process holds the writing end of one named pipe. When the last end closes, be it by a kill, the cluster ends and
    its folder is gone. No PostgreSQL at all is an error, never a reason to skip.
    """
    folder = own_folder(base_folder() / f"domicile-{run_id}")
    keeper: subprocess.Popen[bytes] | None = None
    with _locked(folder / "lock"):
        writing = _join(folder / "alive")
        if writing is None:
            try:
                keeper, writing = _start(folder)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
    try:
        yield PostgresServer(folder)
    finally:
        os.close(writing)
        if keeper is not None:
            try:
                keeper.wait(timeout=_CALL_SECONDS)
            except subprocess.TimeoutExpired:
                # Other processes of the run hold it still, and it ends with the last of them: this one need not warn of it.
                keeper.returncode = 0


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    binaries = reach_binaries(find_binaries(), folder / "programs")
    create_cluster(binaries, folder / "cluster", [])
    os.mkfifo(folder / "alive")
    reading = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(folder / "alive", os.O_WRONLY)
    os.set_blocking(reading, True)
    try:
        keeper = start_cluster(
            binaries,
            folder / "cluster",
            socket_folder=own_folder(folder / "socket"),
            keep_open=reading,
            remove=folder,
            options=_OPTIONS,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return keeper, writing


def _join(alive: Path) -> int | None:
    try:
        return os.open(alive, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENXIO}:  # never started, or nobody reads: the cluster is gone
            alive.unlink(missing_ok=True)
            return None
        raise


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base_folder() -> Path:
    """Choose a folder for passing things in which PostgreSQL's account may make and remove its own."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - a random name follows
    return next(
        (path for path in candidates if account_may("-w", path) and account_may("-x", path)), candidates[0]
    )
