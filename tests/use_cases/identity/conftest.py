from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tests.support.people import People, running_people


@pytest.fixture
async def people(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[People]:
    """The identity plane on each engine."""
    async with running_people(make_database("identity"), tmp_path) as people:
        yield people
