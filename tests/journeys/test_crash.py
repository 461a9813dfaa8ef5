"""A real server that is killed with SIGKILL, again and again, while clients write: what was acknowledged is there, once and whole."""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.api import Api
from tests.support.process import RealServer
from tests.support.process import real as real
from tests.support.world import Account, World, until

_KILLS = 6
_PATIENCE_SECONDS = 30


@dataclass
class Writer:
    """Creates one kind of thing after the other; each until it is acknowledged, or once and never again."""

    api: Api
    path: str
    label: str
    bodies: Any
    stop: threading.Event
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Label → id of everything that was answered with 201."""
    tried: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self) -> None:
        while not self.stop.is_set() and not self.faults:
            self.tried += 1
            name = f"{self.label} {self.tried}"
            is_given_up = self.tried % 3 == 0
            while not self._try(name) and not is_given_up:
                time.sleep(0.02)

    def _try(self, name: str) -> bool:
        try:
            answer = self.api.post(self.path, self.bodies(name), headers={"Idempotency-Key": name})
        except httpx2.TransportError:
            return self.stop.is_set()
        if answer.status_code != 201:
            self.faults.append(f"{answer.status_code} {answer.text}")
            return True
        self.acknowledged[name] = answer.json()["id"]
        return True


def test_what_was_acknowledged_survives_kill_9_at_any_moment_once_and_whole(real: RealServer) -> None:
    world = real.world()
    owner = world.person("Ann Example")
    account = world.account(owner, "de-1", "Labs")
    stop = threading.Event()
    regions = ("us-1", "de-1", "jp-1")
    writers = [
        Writer(
            owner.api,
            "/api/accounts",
            "account",
            lambda name: {"alias": name, "region": regions[len(name) % 3]},
            stop,
        ),
        Writer(account.api, "/api/apikeys", "key", lambda name: {"alias": name, "roleID": "read-only"}, stop),
        Writer(
            account.api,
            "/api/invitations",
            "invitation",
            lambda name: {"email": f"{name.replace(' ', '-')}@example.com", "roleID": "read-only"},
            stop,
        ),
    ]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    for _ in range(_KILLS):
        enough = sum(len(writer.acknowledged) for writer in writers) + random.randint(3, 40)  # noqa: S311  # any moment
        until(lambda: sum(len(writer.acknowledged) for writer in writers), lambda count, e=enough: count >= e)
        real.kill()
        real.start()
    stop.set()
    for thread in threads:
        thread.join(_PATIENCE_SECONDS)
        assert not thread.is_alive()
    _check(world, account, writers)


def _check(world: World, account: Account, writers: list[Writer]) -> None:
    accounts, keys, invitations = writers
    for writer in writers:
        refused = [fault for fault in writer.faults if "too-many-invitations" not in fault]
        assert refused == [], writer.label
        assert len(writer.acknowledged) > _KILLS, writer.label
    listed = _all(account.owner.api, "/api/accounts", "accounts")
    _compare(accounts, {each["id"]: each["alias"] for each in listed}, beside={account.id})
    _compare(keys, {k["id"]: k["alias"] for k in _all(account.api, "/api/apikeys", "apikeys")})
    offered = _all(account.api, "/api/invitations", "invitations")
    names = {i["id"]: i["email"].partition("@")[0].replace("-", " ") for i in offered}
    _compare(invitations, names)
    for each in listed:
        inside = world.enter(account.owner, each["id"])
        assert inside.call("GET", f"/api/accounts/{each['id']}")["alias"] == each["alias"]
        assert [user["id"] for user in inside.call("GET", "/api/users")["users"]] == [account.owner.id]
        created = [e["type"] for e in _all(inside, "/api/logs", "logs")].count("audit.account_created.v1")
        assert created == 1
    events = Counter(e["type"] for e in _all(account.api, "/api/logs", "logs"))
    assert events["audit.apiKey_created.v1"] == len(_all(account.api, "/api/apikeys", "apikeys"))
    assert events["audit.invitation_created.v1"] == len(offered)


def _compare(writer: Writer, found: dict[str, str], *, beside: set[str] = frozenset()) -> None:  # pyright: ignore[reportArgumentType]
    assert {i: found.get(i) for i in writer.acknowledged.values()} == {
        i: n for n, i in writer.acknowledged.items()
    }
    made = [name for item, name in found.items() if item not in beside]
    assert len(made) == len(set(made)), f"{writer.label}: something was made twice"


def _all(api: Api, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        body = api.call("GET", f"{path}?limit=250{cursor}")
        found += body[key]
        if "next" not in body:
            return found
        cursor = f"&cursor={body['next']}"
