"""Keys are rotated under load and nobody is refused; one that leaked counts no more, on the warm path neither."""

import threading
import time
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from domicile.apps.signing_keys import owners_of
from domicile.infra.signing import find_key
from domicile.kernel.signing_keys import CLOCK_SKEW, LONGEST_TOKEN, PUBLISHED_AHEAD
from tests.support.api import Api, LiveServer
from tests.support.signing_keys import Operator
from tests.support.world import World, until

JWKS = "/.well-known/domicile/de-1/jwks.json"
STATEMENT_KEYS = "/.well-known/domicile/de-1/statement-keys.json"


@pytest.fixture
def operator(own_server: LiveServer) -> Operator:
    return Operator(own_server)


def kids(server: LiveServer, path: str = JWKS) -> set[str]:
    return {key["kid"] for key in server.client.get(path).json()["keys"]}


def until_published(server: LiveServer, wanted: set[str]) -> None:
    until(lambda: kids(server), lambda found: found == wanted)


def kid_of(api: Api) -> str:
    token = (api.authorization or "").removeprefix("Bearer ")
    return find_key({"keys": [{"kid": kid} for kid in _all_kids(api)]}, token)["kid"]


def _all_kids(api: Api) -> list[str]:
    return [key["kid"] for key in api.client.get(STATEMENT_KEYS).json()["keys"]]


def test_tokens_go_on_through_a_rotation_and_the_new_key_signs_when_it_is_due(
    own_server: LiveServer, own_world: World, operator: Operator
) -> None:
    owner = own_world.person()
    account = own_world.account(owner)
    old = kid_of(account.api)

    outcome = operator.rotate()

    assert outcome.rotation is not None
    new = outcome.rotation.kid
    until_published(own_server, {old, new})
    assert kid_of(own_world.enter(owner, account.id)) == old
    own_server.clock.now += PUBLISHED_AHEAD
    until(operator.current, lambda kid: kid == new)
    until(lambda: kid_of(own_world.enter(owner, account.id)), lambda kid: kid == new)
    assert kids(own_server) == {old, new}
    own_server.clock.now += LONGEST_TOKEN + CLOCK_SKEW
    until_published(own_server, {new})
    assert kids(own_server, STATEMENT_KEYS) == {old, new}


def test_an_old_token_is_good_for_its_whole_life_after_the_new_key_signs(
    own_server: LiveServer, own_world: World, operator: Operator
) -> None:
    owner = own_world.person()
    account = own_world.account(owner)
    rotation = operator.rotate().rotation
    assert rotation is not None
    until_published(own_server, {rotation.former, rotation.kid})
    own_server.clock.now += PUBLISHED_AHEAD
    # Entered in the very moment in which the key is due: whichever signs, the token lives its ten minutes.
    inside = own_world.enter(owner, account.id)
    until(operator.current, lambda kid: kid == rotation.kid)

    own_server.clock.advance(minutes=9, seconds=59)
    assert [inside.get("/api/whoami").status_code for _ in range(3)] == [200] * 3

    own_server.clock.advance(seconds=1)
    assert inside.get("/api/whoami").status_code == 401


def test_a_withdrawn_key_is_refused_on_the_warm_path_too_and_people_enter_again(
    own_server: LiveServer, own_world: World, operator: Operator
) -> None:
    owner = own_world.person()
    account = own_world.account(owner)
    key = own_world.key(account.api)
    assert [account.api.get("/api/whoami").status_code for _ in range(3)] == [200] * 3

    outcome = operator.withdraw()

    assert outcome.rotation is not None
    until(lambda: account.api.get("/api/whoami").status_code, lambda status: status == 401)
    assert account.api.post("/api/access/check", {"action": "identity:user:read"}).status_code == 401
    assert account.api.get("/api/users").status_code == 401
    assert key.api.get("/api/whoami").status_code == 200
    again = own_world.enter(owner, account.id)
    assert again.get("/api/whoami").status_code == 200
    assert kid_of(again) == outcome.rotation.kid
    assert kids(own_server) == {outcome.rotation.kid}
    withdrawn = next(key for key in operator.list_keys() if key["state"] == "withdrawn")
    assert withdrawn["withdrawn"]


def test_a_checkpoint_by_a_withdrawn_key_is_signed_anew(
    own_server: LiveServer, own_world: World, operator: Operator
) -> None:
    account = own_world.account(own_world.person())
    key = own_world.key(account.api).api
    before = key.call("GET", "/api/logs/checkpoint")
    assert key.call("GET", "/api/logs/checkpoint")["signed"] == before["signed"]

    outcome = operator.withdraw()
    assert outcome.rotation is not None
    until_published(own_server, {outcome.rotation.kid})
    after = key.call("GET", "/api/logs/checkpoint")

    assert (after["size"], after["rootHash"]) == (before["size"], before["rootHash"])
    keys = own_server.client.get(STATEMENT_KEYS).json()
    assert find_key(keys, before["signed"])["state"] == "withdrawn"
    assert find_key(keys, after["signed"])["kid"] == outcome.rotation.kid


def test_a_second_rotation_while_one_is_under_way_is_refused_and_says_so(operator: Operator) -> None:
    first, second = operator.rotate(), operator.rotate()

    assert first.rotation is not None
    assert second.rotation is None
    assert "under way" in second.refusal


def test_every_owner_has_keys_of_its_own_and_one_rotation_touches_one(
    own_server: LiveServer, operator: Operator
) -> None:
    owners = owners_of(own_server.settings)
    before = {owner: operator.current(owner) for owner in owners}
    assert owners == ["identity", "us-1", "de-1", "jp-1"]
    assert all(kid.startswith(f"{owner}.") for owner, kid in before.items())

    operator.withdraw("identity")

    after = {owner: operator.current(owner) for owner in owners}
    assert [owner for owner in owners if before[owner] != after[owner]] == ["identity"]
    path = "/.well-known/domicile/identity/jwks.json"
    until(lambda: kids(own_server, path), lambda found: found == {after["identity"]})


def test_the_addresses_of_the_keys_are_told_and_nobody_is_told_a_private_part(own_server: LiveServer) -> None:
    told = own_server.client.get("/.well-known/domicile", headers={"Api-Version": "v1"}).json()
    entries = [told["identity"], *told["regions"]]
    for entry in entries:
        for name in ("jwksURI", "statementKeysURI"):
            answer = own_server.client.get(entry[name].removeprefix(told["identityURL"]))
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=300"
            assert [set(key) & {"d", "p", "q", "k"} for key in answer.json()["keys"]] == [set()]
    assert own_server.client.get("/.well-known/domicile/xx-9/statement-keys.json").status_code == 404


@dataclass
class Load:
    """Somebody who enters an account and asks with the token, again and again."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    kids: set[str] = field(default_factory=set)


@pytest.fixture
def under_load(own_world: World) -> Generator[Load]:
    owner = own_world.person()
    account = own_world.account(owner)
    load, stop = Load(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            entered = owner.api.post(f"/api/accounts/{account.id}/token")
            load.statuses["enter", entered.status_code] += 1
            if entered.status_code == 201:
                inside = own_world.anyone.with_(f"Bearer {entered.json()['token']}")
                load.kids.add(kid_of(inside))
                for _ in range(3):
                    load.statuses["ask", inside.get("/api/whoami").status_code] += 1
                    load.statuses["list", inside.get("/api/users").status_code] += 1

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield load
    stop.set()
    for thread in threads:
        thread.join(30)


def test_under_load_nobody_is_refused_through_a_rotation(
    own_server: LiveServer, operator: Operator, under_load: Load
) -> None:
    old = operator.current()
    outcome = operator.rotate()
    assert outcome.rotation is not None
    new = outcome.rotation.kid
    until_published(own_server, {old, new})
    _advance_slowly(own_server, until_moment=outcome.rotation.signs_from)
    until(lambda: set(under_load.kids), lambda found: found == {old, new})
    seen = sum(under_load.statuses.values())
    until(lambda: sum(under_load.statuses.values()), lambda count: count > seen + 30)

    assert set(under_load.statuses) == {("enter", 201), ("ask", 200), ("list", 200)}


def _advance_slowly(server: LiveServer, *, until_moment: datetime) -> None:
    while server.clock.now < until_moment:
        server.clock.advance(seconds=60)
        time.sleep(0.05)  # so that requests are made at every moment in between
