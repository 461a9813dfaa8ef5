"""Writers that keep a ledger of what was acknowledged while their server is killed under them, and the audit of that ledger afterwards."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.api import REGIONS, Api
from tests.support.world import Account, World

_PATIENCE_SECONDS = 30


@dataclass
class Writer:
    """Creates one kind of thing after the other; each until it is acknowledged, or once and never again."""

    api: Api
    path: str
    label: str
    bodies: Callable[[str], dict[str, str]]
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


@contextmanager
def writing(account: Account) -> Generator[list[Writer]]:
    """Create accounts, keys and invitations, all at once, while the body runs."""
    stop = threading.Event()
    writers = _writers(account, stop)
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        stop.set()
        for thread in threads:
            thread.join(_PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


def _writers(account: Account, stop: threading.Event) -> list[Writer]:
    regions = list(REGIONS)

    def new_account(name: str) -> dict[str, str]:
        return {"alias": name, "region": regions[len(name) % len(regions)]}

    def new_key(name: str) -> dict[str, str]:
        return {"alias": name, "roleID": "read-only"}

    def new_invitation(name: str) -> dict[str, str]:
        return {"email": f"{name.replace(' ', '-')}@example.com", "roleID": "read-only"}

    return [
        Writer(account.owner.api, "/api/accounts", "account", new_account, stop),
        Writer(account.api, "/api/apikeys", "key", new_key, stop),
        Writer(account.api, "/api/invitations", "invitation", new_invitation, stop),
    ]


def check_ledger(world: World, account: Account, writers: list[Writer], *, at_least: int) -> None:
    """Find everything that was acknowledged, more than `at_least` of each kind, once and whole, and nothing twice."""
    accounts, keys, invitations = writers
    for writer in writers:
        refused = [fault for fault in writer.faults if "too-many-invitations" not in fault]
        assert refused == [], writer.label
        assert len(writer.acknowledged) > at_least, writer.label
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


def _compare(writer: Writer, found: dict[str, str], *, beside: Iterable[str] = ()) -> None:
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
