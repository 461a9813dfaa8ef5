"""What makes the speed must cost no correctness: under load, a locked key and a removed member are refused at the next request."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from bench.api import Api
from bench.load import Sample, Stream, always, drive
from bench.seed import Seeded

_TIMES = 5
_REFUSED = b"401"


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one withdrawn access."""

    name: str
    answered_before: int
    """Answers while the access was good."""
    refused_after: int
    """Requests sent after the withdrawal was acknowledged, every one of which was refused."""
    wrongly_answered: int
    """Those that were not refused: must be none."""

    @property
    def holds(self) -> bool:
        """Tell whether the access was good before, and refused at the very next request after."""
        return self.wrongly_answered == 0 < min(self.answered_before, self.refused_after)


def check(port: int, seeded: Seeded) -> list[Finding]:
    """Withdraw keys and memberships while both load and their holders ask on without pause."""
    owner = Api(port).sign_in(seeded.emails[0]).enter(seeded.large)
    people = range(len(seeded.ids) - _TIMES, len(seeded.ids))
    return list(
        chain(
            (_lock_key(owner, number) for number in range(_TIMES)),
            (_remove_member(owner, seeded, person) for person in people),
        )
    )


def _lock_key(owner: Api, number: int) -> Finding:
    key_id, key = owner.make_key(f"to be locked {number}")

    def lock() -> None:
        owner.call("POST", f"/api/apikeys/{key_id}", {"enabled": False})

    return _withdraw("key locked", owner, key, lock)


def _remove_member(owner: Api, seeded: Seeded, person: int) -> Finding:
    member = Api(owner.port).sign_in(seeded.emails[person]).enter(seeded.large)

    def remove() -> None:
        owner.call("DELETE", f"/api/users/{seeded.ids[person]}", status=204)

    return _withdraw("member removed", owner, member, remove)


def _withdraw(name: str, owner: Api, holder: Api, act: Callable[[], None]) -> Finding:
    """Ask as the holder, in three ways, and as another; withdraw in the middle."""
    streams = [
        Stream("holder", _questions(holder), connections=6, status=None),
        Stream("other", always(owner.request("GET", "/api/whoami")), connections=10),
    ]
    seen: list[Sample] = []
    load = threading.Thread(target=lambda: seen.extend(drive(owner.port, streams, seconds=0.6)))
    load.start()
    time.sleep(0.25)
    act()
    withdrawn_at = time.perf_counter()
    load.join()
    before = [status for sent, status in seen[0].statuses if sent < withdrawn_at]
    after = [status for sent, status in seen[0].statuses if sent >= withdrawn_at]
    return Finding(name, before.count(b"200"), after.count(_REFUSED), len(after) - after.count(_REFUSED))


def _questions(holder: Api) -> Iterator[bytes]:
    """Ask in turn all that is answered from what is held in process."""
    asked = [
        holder.request("GET", "/api/whoami"),
        holder.request("POST", "/api/access/check", {"action": "identity:user:read"}),
        holder.request("GET", "/api/users?limit=25"),
    ]
    while True:
        yield from asked
