"""The service's own data of one region: a SQLite file, its tables, and transactions; used by one thread alone."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS position (only INTEGER PRIMARY KEY CHECK (only = 1), seq INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS accounts (
    account TEXT PRIMARY KEY, state TEXT NOT NULL, seq INTEGER NOT NULL, deleted TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS policies (
    account TEXT, name TEXT, version INTEGER NOT NULL, spec TEXT NOT NULL, PRIMARY KEY (account, name)
) STRICT;
CREATE TABLE IF NOT EXISTS computers (
    account TEXT, name TEXT, version INTEGER NOT NULL, policy TEXT NOT NULL, PRIMARY KEY (account, name)
) STRICT;
CREATE TABLE IF NOT EXISTS activation_tokens (
    hash BLOB PRIMARY KEY, account TEXT NOT NULL, expires REAL NOT NULL, used_at REAL
) STRICT;
CREATE TABLE IF NOT EXISTS agents (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, computer TEXT NOT NULL, credential_hash BLOB NOT NULL UNIQUE,
    platform TEXT NOT NULL, last_seen REAL NOT NULL, applied INTEGER NOT NULL, told_at REAL NOT NULL,
    UNIQUE (account, computer)
) STRICT;
CREATE TABLE IF NOT EXISTS findings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, agent TEXT NOT NULL,
    agents_id TEXT NOT NULL, computer TEXT NOT NULL, content TEXT NOT NULL, acknowledged_by TEXT NOT NULL,
    UNIQUE (agent, agents_id)
) STRICT;
CREATE INDEX IF NOT EXISTS findings_of_account ON findings (account, seq);
"""


class Database:
    """One region's file; nobody else on the machine can read it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA secure_delete = ON")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Keep all that the body writes, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Read rows."""
        return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, *values: object) -> sqlite3.Row | None:
        """Read a row that may not be there."""
        return self._connection.execute(statement, values).fetchone()

    def write(self, statement: str, *values: object) -> int:
        """Change rows; tells how many."""
        return self._connection.execute(statement, values).rowcount

    def forget(self) -> None:
        """Let nothing that was deleted stay beside the file."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
