"""`python -m workload_security.agent`: enrols once, then looks again and again at what its policy names."""

import argparse
import os
import platform
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

from domicile_sdk import Unreachable
from workload_security.agent.memory import Home
from workload_security.agent.scanning import compare, look_at
from workload_security.agent.service import Stopped, WorkloadService

_MOST_AT_ONCE = 100
_MOST_UNSENT = 10_000
"""Of more the oldest are given up."""
_SLOWER = 5
"""How many times longer the agent waits while its account is suspended."""
_TRIES_TO_ENROL = 10
_UNAUTHENTICATED, _CONFLICT = 401, 409


def main() -> None:
    """Run until the process is ended, or the service refuses for good."""
    given = _arguments()
    home, service = Home(given.home), WorkloadService(given.service)
    try:
        credential = home.credential() or _enrol(home, service, given.token, given.computer)
        agent = Agent(home, service, credential)
        while True:
            is_working = agent.work()
            every = given.every or agent.every_seconds
            time.sleep(every if is_working else every * _SLOWER)
    except Stopped as refused:
        sys.exit(str(refused))
    except KeyboardInterrupt:
        pass


class Agent:
    """An agent that has enrolled."""

    def __init__(self, home: Home, service: WorkloadService, credential: str) -> None:
        self._home = home
        self._service = service
        self._credential = credential
        self._memory = home.remember()

    @property
    def every_seconds(self) -> float:
        """How long to wait until the next look, by the policy."""
        return float(self._memory.policy.get("everySeconds", 60))

    def work(self) -> bool:
        """Ask for the policy, look, and tell what has changed; False if the service has said to stop for now.

        While the service cannot be reached, the agent looks by the policy that it has, and keeps what it found.
        """
        try:
            self._ask_for_policy()
            self._look()
            self._tell()
        except Unreachable as failure:
            _say(str(failure))
        except Stopped as refused:
            if refused.status == _UNAUTHENTICATED:
                raise
            _say(str(refused))
            return False
        return True

    def _ask_for_policy(self) -> None:
        try:
            told = self._service.policy(self._credential, self._memory.etag)
        except Unreachable as failure:
            _say(str(failure))
            return
        if told is not None:
            self._memory.etag, self._memory.policy = told

    def _look(self) -> None:
        """Compare with the last look; what the policy names for the first time is only remembered."""
        memory = self._memory
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        looks = {path: look_at(path) for path in memory.policy.get("paths", [])}
        for path, look in looks.items():
            for difference in compare(memory.baseline.get(path, look), look):
                memory.unsent.append({"id": uuid.uuid4().hex, "at": now, **difference.body()})
        memory.unsent = memory.unsent[-_MOST_UNSENT:]
        memory.baseline = looks
        self._home.keep(memory)

    def _tell(self) -> None:
        while batch := self._memory.unsent[:_MOST_AT_ONCE]:
            self._service.tell(self._credential, batch)
            self._memory.unsent = self._memory.unsent[len(batch) :]
            self._home.keep(self._memory)


def _enrol(home: Home, service: WorkloadService, token: str, computer: str) -> str:
    """Enrol, and keep the credential; a service that is just starting may not be there, or not know of the computer yet."""
    for is_last in [False] * (_TRIES_TO_ENROL - 1) + [True]:
        try:
            credential = service.enrol(token, computer, platform.system().lower())
        except (Unreachable, Stopped) as failure:
            may_pass = isinstance(failure, Unreachable) or failure.status == _CONFLICT
            if is_last or not may_pass:
                sys.exit(str(failure))
            time.sleep(1)
        else:
            home.keep_credential(credential)
            _say(f"enrolled as {computer}")
            return credential
    raise AssertionError("unreachable: the last try returns or exits")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="workload_security.agent", description=__doc__)
    parser.add_argument(
        "--service",
        required=True,
        help="address of the service with the region, such as http://localhost:8810/de-1",
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("WORKLOAD_ACTIVATION_TOKEN", ""),
        help="activation token, for the first start",
    )
    parser.add_argument(
        "--computer",
        default=platform.node(),
        help="name of the item that the account keeps for this computer",
    )
    parser.add_argument(
        "--home",
        type=Path,
        default=Path.home() / ".workload-agent",
        help="folder for the credential and the baseline",
    )
    parser.add_argument(
        "--every", type=float, help="seconds between two looks, in place of what the policy says"
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
