from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from tests.support.passkeys import Holder, holder_of
from tests.support.people import People, running_people


@pytest.fixture
async def people(make_database: Callable[[str], str], tmp_path: Path) -> AsyncGenerator[People]:
    """The identity plane on each engine."""
    async with running_people(make_database("identity"), tmp_path) as people:
        yield people


@pytest.fixture
async def ann(people: People) -> Holder:
    """A person whose device verifies them, with one passkey."""
    holder = await holder_of(people)
    await holder.enrol()
    return holder
