"""`python -m bench.revocations`: how long after a change is acknowledged the revocation feed has told of it, on the same node and on another."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bench.api import Api
from bench.processes import Cores, domicile_command, running
from bench.seed import Seeded, seed_command

_WAIT_SECONDS = 25
_GIVE_UP_SECONDS = 30.0


@dataclass
class Reader:
    """Follows the feed at one node, as a service does, and notes when each row came."""

    name: str
    api: Api
    seen: dict[int, float] = field(default_factory=dict)
    """Number of the row → when the answer with it was there."""
    position: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)
    is_done: bool = False

    def begin(self) -> None:
        """Go on from what there is now."""
        self.position = self.api.call("GET", "/api/revocations")["head"]
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        while not self.is_done:
            answer = self.api.call("GET", f"/api/revocations?since={self.position}&wait={_WAIT_SECONDS}")
            now = time.perf_counter()
            with self.news:
                self.seen |= {row[0]: now for row in answer["rows"]}
                self.position = answer["next"]
                self.news.notify_all()

    def when(self, count: int) -> float:
        """Wait for the row of that number in the order of their coming; gives when it came."""
        with self.news:
            if not self.news.wait_for(lambda: len(self.seen) >= count, _GIVE_UP_SECONDS):
                raise TimeoutError(f"{self.name}: nothing after {_GIVE_UP_SECONDS} seconds")
            return sorted(self.seen.values())[count - 1]


def main() -> int:
    """Measure, and print a row of a table for each node."""
    parser = argparse.ArgumentParser(prog="python -m bench.revocations", description=__doc__)
    parser.add_argument("--changes", type=int, default=100)
    wanted = parser.parse_args()
    cores = Cores.choose()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        data = Path(folder) / "data"
        seeded = _seed(data)
        with (
            running(cores, domicile_command(data), health="/healthz") as one,
            running(cores, domicile_command(data), health="/healthz") as two,
        ):
            late = _measure(one.port, two.port, seeded, wanted.changes)
    print(f"{wanted.changes} changes, load average {os.getloadavg()[0]:.1f}\n")
    print("| told by | p50 | p99 | worst |\n| --- | --- | --- | --- |")
    for name, seconds in late.items():
        ordered = sorted(seconds)
        middle, nearly_all = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99) - 1]
        print(
            f"| {name} | {middle * 1000:.0f} ms | {nearly_all * 1000:.0f} ms | {ordered[-1] * 1000:.0f} ms |"
        )
    return 0


def _seed(data: Path) -> Seeded:
    made = subprocess.run(seed_command(data, 1), stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(made.stdout, type=Seeded)


def _measure(one: int, two: int, seeded: Seeded, changes: int) -> dict[str, list[float]]:
    owner = Api(one).sign_in(seeded.emails[0]).enter(seeded.small[0])
    subject, _ = owner.make_key("subject")
    _, reading = owner.make_key("reader")
    readers = [
        Reader("the node that made the change", Api(one, reading.authorization)),
        Reader("another node", Api(two, reading.authorization)),
    ]
    for reader in readers:
        reader.begin()
    late: dict[str, list[float]] = {reader.name: [] for reader in readers}
    for number in range(1, changes + 1):
        time.sleep(random.uniform(0.0, 1.0))  # noqa: S311  # anywhere between two looks of the other node
        owner.call("POST", f"/api/apikeys/{subject}", {"enabled": number % 2 == 0})
        acknowledged = time.perf_counter()
        for reader in readers:
            late[reader.name].append(max(0.0, reader.when(number) - acknowledged))
    for reader in readers:
        reader.is_done = True
    return late


if __name__ == "__main__":
    sys.exit(main())
