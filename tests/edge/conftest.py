"""What these tests share: a running server that has registered a service, and a world in it."""

from collections.abc import Generator

import pytest

from tests.support.api import Install, LiveServer, serving
from tests.support.api import install as install
from tests.support.api import own_server as own_server
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, SERVICE_CREDENTIAL, register
from tests.support.world import own_world as own_world
from tests.support.world import world as world


@pytest.fixture(scope="module")
def server(install: Install) -> Generator[LiveServer]:
    """A server that the tests of a module share."""
    installed = install()
    config = register(installed, EXAMPLE, credential=SERVICE_CREDENTIAL)
    with serving(config, installed.data, FrozenClock()) as running_server:
        yield running_server
