"""Brings a database up to the schema of this release: Alembic, one history per plane, loaded only where there is work."""

import asyncio
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

import domicile

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.05
_REVISION = re.compile(r"^(down_revision|revision)\b[^=]*=\s*(?:\"([^\"]+)\"|None)", re.MULTILINE)


class History(StrEnum):
    """The two histories."""

    GLOBAL = "global"
    """Identity and directory."""
    REGION = "region"


class NotMigratedError(Exception):
    """A database is at another revision than this release needs."""

    def __init__(self, database: str, found: str, needed: str) -> None:
        super().__init__(
            f"The database {database} is at {found}, this release needs {needed}: run `domicile migrate`."
        )


def migrations_folder() -> Path:
    """Find the migrations: beside the sources, or inside the installed package."""
    package = Path(domicile.__file__).parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


def head_of(history: History) -> str:
    """Read the newest revision of a history from its files."""
    revisions: set[str] = set()
    parents: set[str] = set()
    for file in (migrations_folder() / history / "versions").glob("*.py"):
        found = dict(_REVISION.findall(file.read_text(encoding="utf-8")))
        revisions.add(found["revision"])
        parents.add(found["down_revision"])
    (head,) = revisions - parents
    return head


async def revision_of(engine: AsyncEngine) -> str | None:
    """Read the revision that a database is at; None for an empty one. `ConnectionError`, which names it, if it cannot be reached."""

    def read(connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
        return row[0] if row else None

    give_up_at = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(read)
        except (OSError, DBAPIError) as error:
            # Another process that migrates the same file holds it for as long as that takes.
            if not _is_locked(error) or asyncio.get_running_loop().time() > give_up_at:
                raise ConnectionError(
                    f"the database {engine.url.database} cannot be reached{_reason(error)}"
                ) from None
        await asyncio.sleep(_PAUSE_SECONDS)


def _is_locked(error: OSError | DBAPIError) -> bool:
    return isinstance(error, DBAPIError) and "database is locked" in str(error.orig)


def _reason(error: OSError | DBAPIError) -> str:
    """Say why as far as there is a standard word for it: never the driver's own text, which may hold the address with its password."""
    known = error.strerror if isinstance(error, OSError) else getattr(error.orig, "sqlstate", None)
    return f" ({known})" if known else ""


async def upgrade(engine: AsyncEngine, history: History) -> bool:
    """Run the migrations that a database lacks, in one transaction; False if there were none, or another process was first."""
    if await revision_of(engine) == head_of(history):
        return False
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_run_alembic, history)
    except DBAPIError:
        if await revision_of(engine) != head_of(history):
            raise
        return False
    return True


async def prepare(engine: AsyncEngine, history: History) -> None:
    """Make a database fit for serving: SQLite files and empty databases are migrated, others must have been.

    Raises `NotMigratedError` for a PostgreSQL database at another revision: an upgrade there is an operator's decision.
    """
    revision = await revision_of(engine)
    if engine.dialect.name == "sqlite" or revision is None:
        await upgrade(engine, history)
    elif revision != head_of(history):
        raise NotMigratedError(engine.url.database or "", revision, head_of(history))


def _run_alembic(connection: Connection, history: History) -> None:
    from alembic import command  # noqa: PLC0415  # heavy, and needed on the day of an upgrade only
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations_folder() / history))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def run_environment(context: Any, metadata: Any) -> None:  # noqa: ANN401  # Alembic's proxy module, and one MetaData or a list
    """Run one history's migrations on the connection that it was given; called by its `env.py`."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=False)
    with context.begin_transaction():
        context.run_migrations()
