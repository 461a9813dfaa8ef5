"""Two real nodes on one PostgreSQL, and an operator beside them: a rotation refuses nobody, and a withdrawal is known to both within seconds."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.nodes import Nodes, several_nodes
from tests.support.postgres import PostgresServer
from tests.support.process import RealServer
from tests.support.world import Person, World, until

JWKS = "/.well-known/domicile/de-1/jwks.json"


@dataclass
class Pair:
    """Two nodes that serve everything, and a person with an account."""

    nodes: Nodes
    worlds: list[World]
    owner: Person
    account_id: str

    def operate(self, *words: str, code: int = 0) -> Any:  # noqa: ANN401  # a JSON document
        """Run a command beside the first node."""
        server = self.nodes.servers[0]
        where = ["--config", str(server.config), "--data", str(server.data), "--json"]
        ended = subprocess.run(
            [sys.executable, "-m", "domicile.apps.cli", "signing-keys", *words, *where],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def enter(self, number: int) -> tuple[int, str]:
        """Enter the account at one of the nodes."""
        api = self.worlds[number].anyone.with_(self.owner.api.authorization)
        answer = api.post(f"/api/accounts/{self.account_id}/token")
        return answer.status_code, answer.json().get("token", "")

    def ask(self, number: int, token: str) -> int:
        return self.worlds[number].anyone.with_(f"Bearer {token}").get("/api/whoami").status_code

    def kids(self, number: int) -> set[str]:
        keys = self.worlds[number].anyone.call("GET", JWKS)["keys"]
        return {key["kid"] for key in keys}


@pytest.fixture
def pair(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[Pair]:
    with several_nodes(postgres, tmp_path_factory.mktemp("pair")) as nodes:
        servers: list[RealServer] = [nodes.add("one"), nodes.add("two")]
        nodes.publish(servers[0].url, {})
        nodes.start()
        worlds = [server.world() for server in servers]
        owner = worlds[0].person()
        yield Pair(nodes, worlds, owner, worlds[0].account(owner).id)


@dataclass
class Load:
    """Enters at one node and asks at both, again and again."""

    pair: Pair
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _work(self, number: int) -> None:
        while not self._stop.is_set():
            status, token = self.pair.enter(number)
            self.statuses["enter", status] += 1
            for other in (1 - number, number):
                self.statuses["ask", self.pair.ask(other, token)] += 1


def test_a_rotation_on_two_nodes_refuses_nobody_and_a_withdrawal_reaches_both(pair: Pair) -> None:
    (old,) = pair.kids(0)

    # Published on both, and signing on neither.
    (begun,) = pair.operate("rotate", "--region", "de-1", "--yes")["rotated"]
    assert (begun["former"], begun["isWithdrawn"]) == (old, False)
    for number in range(2):
        until(lambda number=number: pair.kids(number), lambda found: found == {old, begun["kid"]})
    refused = pair.operate("rotate", "--region", "de-1", "--yes", code=1)
    assert refused["rotated"] == []

    # Its time has come, while people enter and ask.
    _, last_of_old = pair.enter(1)
    with Load(pair) as load:
        pair.nodes.run_sql("de-1", "UPDATE signing_keys SET signs_from = now() WHERE state = 'next'")
        state = "SELECT state FROM signing_keys WHERE kid = $1"
        until(lambda: pair.nodes.ask_sql("de-1", state, begun["kid"]), lambda found: found == "current")
        seen = sum(load.statuses.values())
        until(lambda: sum(load.statuses.values()), lambda count: count > seen + 60)
    assert set(load.statuses) == {("enter", 201), ("ask", 200)}
    assert [pair.ask(number, last_of_old) for number in range(2)] == [200, 200]

    # It leaked.
    _, stolen = pair.enter(0)
    assert [pair.ask(number, stolen) for number in (0, 1, 0, 1)] == [200] * 4
    (made,) = pair.operate("rotate", "--region", "de-1", "--now", "--yes")["rotated"]
    assert (made["former"], made["isWithdrawn"]) == (begun["kid"], True)
    for number in range(2):
        until(lambda number=number: pair.ask(number, stolen), lambda status: status == 401)
        assert pair.ask(number, last_of_old) == 401
        assert pair.kids(number) == {made["kid"]}
    status, fresh = pair.enter(1)
    assert (status, [pair.ask(number, fresh) for number in range(2)]) == (201, [200, 200])
    states = {key["kid"]: key["state"] for key in pair.operate("list", "--region", "de-1")["signingKeys"]}
    assert states == {old: "withdrawn", begun["kid"]: "withdrawn", made["kid"]: "current"}
    for server in pair.nodes.servers:
        assert f'"kid": "{made["kid"]}"' in server.log
