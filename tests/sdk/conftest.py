"""What these tests share: a platform on SQLite that knows the service of the example, and its people."""

from collections.abc import Generator

import pytest

from domicile.infra.secrets import new_service_token
from tests.support.api import installing, serving
from tests.support.databases import DatabaseEngine
from tests.support.people import FrozenClock
from tests.support.sdk import RealStage
from tests.support.services import EXAMPLE, register
from tests.support.world import World


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[RealStage]:
    """A platform of the module; which database is below it is nothing to a service."""
    with installing(DatabaseEngine.SQLITE, request, tmp_path_factory) as install:
        installed, clock = install(), FrozenClock()
        token = new_service_token().reveal()
        config = register(installed, EXAMPLE, credential=token)
        with serving(config, installed.data, clock) as server:
            yield RealStage(World(server), token, clock)
            server.loop.call_soon_threadsafe(server.node.service_side.revocations.stop)
