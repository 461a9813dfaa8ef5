"""A real server that is killed with SIGKILL, again and again, while clients write: what was acknowledged is there, once and whole."""

import random

from tests.support.ledger import check_ledger, writing
from tests.support.process import RealServer
from tests.support.process import real as real
from tests.support.world import until

_KILLS = 6


def test_what_was_acknowledged_survives_kill_9_at_any_moment_once_and_whole(real: RealServer) -> None:
    world = real.world()
    account = world.account(world.person("Ann Example"), "de-1", "Labs")
    with writing(account) as writers:
        for _ in range(_KILLS):
            enough = sum(len(writer.acknowledged) for writer in writers) + random.randint(3, 40)  # noqa: S311  # any moment
            until(lambda: sum(len(w.acknowledged) for w in writers), lambda count, e=enough: count >= e)
            real.kill()
            real.start()
    check_ledger(world, account, writers, at_least=_KILLS)
