"""Databases with the schema of this release: migrated once in a run, and copied or lent again from then on."""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from domicile.infra.migrations import History, upgrade
from tests.support.postgres import PostgresServer, run_apart


class DatabaseEngine(StrEnum):
    """The engines that everything runs on."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


Borrow = Callable[[History, Path], str]
"""Gives the URL of an empty database of a history, which on SQLite is the file named."""


async def migrate(url: str, history: History) -> None:
    """Bring an empty database up to the schema of this release."""
    engine = create_async_engine(url)
    try:
        await upgrade(engine, history)
    finally:
        await engine.dispose()


def history_of(name: str) -> History:
    """Name the history of the database that tests call `identity`, or of a region's."""
    return History.GLOBAL if name == "identity" else History.REGION


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one migrated file of each history."""
    folder = tmp_path_factory.mktemp("templates")
    for history in History:
        run_apart(migrate(_sqlite(folder / f"{history}.db"), history))
    return folder


def borrower(engine: DatabaseEngine, request: pytest.FixtureRequest, lent: ExitStack) -> Borrow:
    """Lend on an engine; what PostgreSQL lends comes back when `lent` ends."""
    if engine is DatabaseEngine.SQLITE:
        templates: Path = request.getfixturevalue("sqlite_templates")
        return lambda history, file: _sqlite(Path(shutil.copy(templates / f"{history}.db", file)))
    server: PostgresServer = request.getfixturevalue("postgres")

    def lend(history: History, _file: Path) -> str:
        template = server.require_template(
            f"migrated_{history}", lambda url: run_apart(migrate(url, history))
        )
        return lent.enter_context(server.database(template=template))

    return lend


def _sqlite(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"
