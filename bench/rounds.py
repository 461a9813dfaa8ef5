"""One round of measurements: the bare server, then each question in turn, for about a second each."""

import http.client
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bench.api import Api
from bench.load import Stream, always, drive
from bench.processes import Server
from bench.seed import PASSWORD, REGION, Seeded

INVITATIONS_PER_ACCOUNT = 100
"""Fewer than an account may make in a day."""
INVITATIONS_PER_SECOND = 700
"""More than are ever made."""
_PEOPLE = 40
"""Who sign in again and again: few, so that most devices are known, and enough that nobody comes to the most sessions."""
_PEOPLE_SIGNING_IN = 4
_SETTLING_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of one thing was done."""

    rate: float
    """In a second."""
    rate_of_processor: float
    """In a second of the server's processor time: what others do on the machine changes it less."""
    p50: float | None = None
    """In seconds."""
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Rates:
    """What one round saw."""

    hello: Counted
    whoami_by_key: Counted
    whoami_by_token: Counted
    check: Counted
    forward: Counted
    """Of what a proxy asks about each request that it holds."""
    users_held: Counted
    users_read: Counted
    storm: Counted
    """Of `whoami`, while people sign in."""
    hashes: Counted
    sign_in: Counted
    inserts: Counted
    invite: Counted


class Rounds:
    """Asks both servers; every invitation goes to an address of its own, from accounts that may still invite."""

    def __init__(
        self, yardstick: Server, domicile: Server, data: Path, seeded: Seeded, *, seconds: float
    ) -> None:
        self._yardstick = yardstick
        self._domicile = domicile
        self._bare = Api(yardstick.port)
        self._anyone = Api(domicile.port)
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
            hello=_ask(self._yardstick, always(self._bare.request("GET", "/hello")), seconds),
            whoami_by_key=_ask(self._domicile, always(who), seconds),
            whoami_by_token=_ask(self._domicile, always(token.request("GET", "/api/whoami")), seconds),
            check=_ask(self._domicile, always(check), seconds),
            forward=_ask(self._domicile, always(_forward(key)), seconds),
            users_held=_ask(self._domicile, always(page), seconds),
            users_read=_ask(self._domicile, self._pages, seconds),
            storm=self._storm(who, seconds),
            hashes=_count(self._yardstick, "hashes", 2 * seconds),
            sign_in=_ask(self._domicile, cycle(self._sign_ins()), 2 * seconds, connections=8, status=b"201"),
            inserts=_count(self._yardstick, "inserts", seconds),
            invite=self._settled(_ask(self._domicile, self._invitations, seconds, status=b"201")),
        )

    def _storm(self, who: bytes, seconds: float) -> Counted:
        people = Stream("sign-in", cycle(self._sign_ins()), _PEOPLE_SIGNING_IN, b"201")
        return _drive(self._domicile, [Stream("whoami", always(who)), people], seconds)

    def _settled(self, counted: Counted) -> Counted:
        """Wait until every mail has left, so that none of that work falls into what is measured next."""
        give_up_at = time.monotonic() + _SETTLING_SECONDS
        reading = sqlite3.connect(f"file:{self._file}?mode=ro", uri=True)
        while reading.execute("SELECT count(*) FROM outbox").fetchone()[0]:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"mails still wait after {_SETTLING_SECONDS} seconds")
            time.sleep(0.1)
        reading.close()
        return counted

    def _enter(self) -> Api:
        return self._owner.enter(self._seeded.large)

    def _sign_ins(self) -> list[bytes]:
        emails = self._seeded.emails[1 : 1 + _PEOPLE]
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
                "POST", "/api/invitations", {"email": f"guest.{n}.{k}@example.com", "roleID": "read-only"}
            )
            for n in range(INVITATIONS_PER_ACCOUNT)
            for k, key in enumerate(keys)
        )


def _forward(key: Api) -> bytes:
    asked = "X-Original-Method: GET", "X-Original-URI: /policies/etc-files?fields=name"
    return key.request("GET", "/api/access/forward/workload", None, *asked)


def _ask(
    server: Server,
    requests: Iterator[bytes],
    seconds: float,
    *,
    connections: int = 16,
    status: bytes = b"200",
) -> Counted:
    return _drive(server, [Stream("", requests, connections, status)], seconds)


def _drive(server: Server, streams: Sequence[Stream], seconds: float) -> Counted:
    """Drive all streams, and give what the first of them saw."""
    before = server.processor_seconds()
    sample = drive(server.port, streams, seconds=seconds)[0]
    busy = server.processor_seconds() - before
    return Counted(sample.rate, (len(sample.latencies) + sample.late) / busy, sample.p50, sample.p99)


def _count(server: Server, what: str, seconds: float) -> Counted:
    before = server.processor_seconds()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=seconds + 30)
    connection.request("GET", f"/{what}?seconds={seconds}")
    told = json.loads(connection.getresponse().read())
    connection.close()
    return Counted(told["in_time"] / seconds, told["all"] / (server.processor_seconds() - before))
