"""What use cases stand on: databases with the schema of this release."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.databases import DatabaseEngine, borrower, history_of


@pytest.fixture
def make_database(
    database_engine: DatabaseEngine, tmp_path: Path, request: pytest.FixtureRequest
) -> Generator[Callable[[str], str]]:
    """Makes an empty, migrated database by a name, `identity` or a region's, and gives its SQLAlchemy URL."""
    with ExitStack() as lent:
        borrow = borrower(database_engine, request, lent)
        yield lambda name: borrow(history_of(name), tmp_path / f"{name}.db")
