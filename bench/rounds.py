"""One round of measurements: the bare server, then each question in turn, for about a second each."""

import http.client
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench.api import Api
from bench.load import Sample, Stream, always, drive
from bench.seed import PASSWORD, REGION, Seeded

INVITATIONS_PER_ACCOUNT = 100
"""What an account may make in a day."""
INVITATIONS_PER_SECOND = 700
"""More than are ever made."""
_PEOPLE_SIGNING_IN = 4
_SETTLING_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Rates:
    """What one round saw."""

    hello: Sample
    whoami_by_key: Sample
    whoami_by_token: Sample
    check: Sample
    users_held: Sample
    users_read: Sample
    storm: Sample
    """Of `whoami`, while people sign in."""
    hashes: float
    sign_in: Sample
    inserts: float
    invite: Sample


class Rounds:
    """Asks both servers; every invitation goes to an address of its own, from accounts that may still invite."""

    def __init__(self, yardstick: int, domicile: int, data: Path, seeded: Seeded, *, seconds: float) -> None:
        self._yardstick = Api(yardstick)
        self._anyone = Api(domicile)
        self._file = data / f"region-{REGION}.db"
        self._seeded = seeded
        self._seconds = seconds
        self._owner = self._anyone.sign_in(seeded.emails[0])
        _, self._key = self._enter().make_key("bench")
        self._pages = cycle(self._list_pages())
        self._invitations = self._invite()

    def warm_up(self) -> None:
        """Ask everything for a moment, so that what is loaded once is loaded."""
        self._measure(self._seconds / 5)

    def run(self) -> Rates:
        """Do a round."""
        return self._measure(self._seconds)

    def _measure(self, seconds: float) -> Rates:
        key, token = self._key, self._enter()
        who, page = key.request("GET", "/api/whoami"), key.request("GET", "/api/users?limit=25")
        action = {"action": "identity:user:update"}
        check = key.request("POST", "/api/access/check", action)
        return Rates(
            hello=self._ask(self._yardstick, always(self._yardstick.request("GET", "/hello")), seconds),
            whoami_by_key=self._ask(key, always(who), seconds),
            whoami_by_token=self._ask(key, always(token.request("GET", "/api/whoami")), seconds),
            check=self._ask(key, always(check), seconds),
            users_held=self._ask(key, always(page), seconds),
            users_read=self._ask(key, self._pages, seconds),
            storm=self._storm(who, seconds),
            hashes=self._count("hashes", 2 * seconds),
            sign_in=self._ask(key, cycle(self._sign_ins()), 2 * seconds, connections=8, status=b"201"),
            inserts=self._count("inserts", seconds),
            invite=self._settled(self._ask(key, self._invitations, seconds, status=b"201")),
        )

    @staticmethod
    def _ask(
        api: Api, requests: Iterator[bytes], seconds: float, *, connections: int = 16, status: bytes = b"200"
    ) -> Sample:
        (sample,) = drive(api.port, [Stream("", requests, connections, status)], seconds=seconds)
        return sample

    def _storm(self, who: bytes, seconds: float) -> Sample:
        people = Stream("sign-in", cycle(self._sign_ins()), _PEOPLE_SIGNING_IN, b"201")
        sample, _ = drive(self._anyone.port, [Stream("whoami", always(who)), people], seconds=seconds)
        return sample

    def _count(self, what: str, seconds: float) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", self._yardstick.port, timeout=seconds + 30)
        connection.request("GET", f"/{what}?seconds={seconds}")
        rate = float(connection.getresponse().read())
        connection.close()
        return rate

    def _settled(self, sample: Sample) -> Sample:
        """Wait until every mail has left, so that none of that work falls into what is measured next."""
        give_up_at = time.monotonic() + _SETTLING_SECONDS
        reading = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        while reading.execute("SELECT count(*) FROM outbox").fetchone()[0]:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"mails still wait after {_SETTLING_SECONDS} seconds")
            time.sleep(0.1)
        reading.close()
        return sample

    def _enter(self) -> Api:
        return self._owner.enter(self._seeded.large)

    def _sign_ins(self) -> list[bytes]:
        emails = self._seeded.emails[1 : 1 + _PEOPLE_SIGNING_IN]
        return [
            self._anyone.request("POST", "/api/sessions", {"email": email, "password": PASSWORD})
            for email in emails
        ]

    def _list_pages(self) -> list[bytes]:
        """Find pages of 25 that begin at many places: more than a node holds copies of."""
        paths, cursor = ["/api/users?limit=25"], ""
        while len(paths) < len(self._seeded.ids) // 3 - 25 // 3:
            found = self._key.call("GET", f"/api/users?limit=3{cursor}")
            cursor = f"&cursor={found['next']}"
            paths.append(f"/api/users?limit=25{cursor}")
        return [self._key.request("GET", path) for path in paths]

    def _invite(self) -> Iterator[bytes]:
        keys = [self._owner.enter(account).make_key("bench")[1] for account in self._seeded.small]
        for key in keys:
            key.call("GET", "/api/whoami")
        return (
            key.request(
                "POST", "/api/invitations", {"email": f"guest.{n}@example.com", "roleID": "read-only"}
            )
            for n in range(INVITATIONS_PER_ACCOUNT)
            for key in keys
        )
