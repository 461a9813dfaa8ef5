"""What these tests share: a running server and a world in it."""

from tests.support.api import install as install
from tests.support.api import own_server as own_server
from tests.support.api import server as server
from tests.support.world import own_world as own_world
from tests.support.world import world as world
