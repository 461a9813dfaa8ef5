"""The revocation feed as services read it: nobody's ids but one's own, no token believed past its right, closed when it cannot be read."""

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from domicile.infra.secrets import SERVICE_TOKEN, has_checksum, new_service_token
from domicile.region.access_log.store import forget_changes
from domicile.region.revocations.domain import MOST_WAITING_EACH
from tests.support.api import Api, Install, serving
from tests.support.offline_verifier import TRUSTED_SECONDS, NotBelieved, OfflineVerifier
from tests.support.people import FrozenClock
from tests.support.services import EXAMPLE, register
from tests.support.world import Account, Person, World, until

_NEW_PASSWORD = "a lighthouse over nine rivers"


@dataclass
class Platform:
    """A platform with a service that verifies offline."""

    world: World
    service: Api
    clock: FrozenClock = field(repr=False)

    def verifier(self) -> OfflineVerifier:
        """A verifier that has read the feed."""
        made = OfflineVerifier(self.service, "de-1", wall_clock=self.clock)
        made.begin()
        assert made.poll()
        return made

    def read(self, api: Api, since: int | None = None, **more: Any) -> dict[str, Any]:
        query = {"region": "de-1", **more} | ({} if since is None else {"since": since})
        return api.call("GET", "/api/revocations?" + "&".join(f"{k}={v}" for k, v in query.items()))


@pytest.fixture(scope="module")
def platform(install: Install) -> Generator[Platform]:
    installed, clock = install(), FrozenClock()
    token = new_service_token().reveal()
    config = register(installed, EXAMPLE, credential=token)
    with serving(config, installed.data, clock) as server:
        yield Platform(World(server), server.anyone.with_(f"Bearer {token}"), clock)


def _token_of(api: Api) -> str:
    assert api.authorization is not None
    return api.authorization.removeprefix("Bearer ")


def _refusal(verifier: OfflineVerifier, token: str) -> str | None:
    try:
        verifier.verify(token)
    except NotBelieved as refused:
        return str(refused)
    return None


def test_a_token_made_in_the_very_second_of_its_holders_joining_is_believed(platform: Platform) -> None:
    account = platform.world.account(platform.world.person())
    guest = platform.world.person()
    inside = platform.world.join(account, guest)
    verifier = platform.verifier()
    for api in (account.api, inside):
        assert verifier.verify(_token_of(api))["account"] == account.id


@dataclass(frozen=True)
class _Case:
    account: Account
    guest: Person
    inside: Api

    def remove(self) -> None:
        self.account.api.call("DELETE", f"/api/users/{self.guest.id}", status=204)

    def disable(self) -> None:
        self.account.api.call("POST", f"/api/users/{self.guest.id}", {"state": "disabled"})

    def demote(self) -> None:
        self.account.api.call("POST", f"/api/users/{self.guest.id}", {"roleID": "read-only"})

    def narrow_role(self) -> None:
        urn = f"urn:domicile:audit:de-1:{self.account.id}:role/read-only"
        self.account.api.call("POST", "/api/roles/keeper", {"serviceRoleURNs": [urn]})

    def change_password(self) -> None:
        secret = {"currentPassword": self.guest.password, "newPassword": _NEW_PASSWORD}
        self.guest.api.call("POST", "/api/me/password", secret, status=204)


_NARROWINGS = {
    "removed": (_Case.remove, "membership"),
    "disabled": (_Case.disable, "membership"),
    "demoted": (_Case.demote, "membership"),
    "role narrowed": (_Case.narrow_role, "role"),
    "password changed": (_Case.change_password, "membership"),
}


@pytest.mark.parametrize("narrowing", _NARROWINGS)
def test_a_token_is_not_believed_once_its_holder_was_narrowed_and_a_new_one_is(
    platform: Platform, narrowing: str
) -> None:
    world = platform.world
    account, guest = world.account(world.person()), world.person()
    world.role(account, "keeper", {"audit": "read-only", "identity": "full-access"})
    case = _Case(account, guest, world.join(account, guest, "keeper"))
    verifier, bystander = platform.verifier(), _token_of(account.api)
    assert _refusal(verifier, _token_of(case.inside)) is None
    act, reason = _NARROWINGS[narrowing]

    act(case)

    def told() -> str | None:
        assert verifier.poll()
        return _refusal(verifier, _token_of(case.inside))

    if narrowing == "password changed":  # comes by way of the directory
        until(told, bool)
    assert told() == reason
    assert _refusal(verifier, bystander) is None
    if narrowing in {"demoted", "role narrowed"}:  # in the same second, for the clock stands still
        assert _refusal(verifier, _token_of(world.enter(guest, account.id))) is None
    if narrowing == "password changed":
        again = world.sign_in(guest.email, password=_NEW_PASSWORD)
        entered = world.enter(Person(guest.name, guest.email, "", guest.id, again), account.id)
        assert _refusal(verifier, _token_of(entered)) is None


def test_an_answer_that_waits_comes_with_the_commit_and_else_when_its_time_is_over(
    platform: Platform,
) -> None:
    world = platform.world
    account, guest = world.account(world.person()), world.person()
    inside = world.join(account, guest)
    verifier = platform.verifier()
    done: list[float] = []

    def wait() -> None:
        assert verifier.poll(wait=20)
        done.append(time.monotonic())

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: platform.world.server.node.service_side.revocations._room._wakers, bool)
    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    acknowledged = time.monotonic()
    waiting.join(15)

    assert done and done[0] - acknowledged < 1.0
    assert _refusal(verifier, _token_of(inside)) == "membership"
    begun = time.monotonic()
    found = platform.read(platform.service, verifier._position, wait=1)
    assert found["rows"] == [] and not found["reset"]
    assert 0.9 < time.monotonic() - begun < 10


def test_a_reader_inside_an_account_sees_its_own_rows_and_no_other_accounts_ids(platform: Platform) -> None:
    world = platform.world
    accounts = [world.account(world.person()) for _ in range(2)]
    guests = [world.person() for _ in range(2)]
    for account, guest in zip(accounts, guests, strict=True):
        world.join(account, guest)
        account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    every = platform.read(platform.service)
    assert {account.id for account in accounts} <= {row[2] for row in every["rows"]}
    assert [row[0] for row in every["rows"]] == sorted(row[0] for row in every["rows"])
    for account in accounts:
        for api in (account.api, world.key(account.api, "read-only").api):
            own = platform.read(api)
            assert {row[2] for row in own["rows"]} == {account.id}
            assert own["head"] == platform.read(platform.service)["head"]


def test_who_may_not_read_the_audit_or_has_not_entered_reads_no_feed(platform: Platform) -> None:
    world = platform.world
    account = world.account(world.person())
    world.role(account, "blind", {"identity": "read-only"})
    blind = world.key(account.api, "blind").api
    assert blind.get("/api/revocations").status_code == 403
    assert account.owner.api.get("/api/revocations").json()["type"].endswith("account-token-required")
    assert account.api.get("/api/revocations?region=us-1").status_code == 404


def test_a_reader_that_is_removed_while_its_answer_waits_is_given_none(platform: Platform) -> None:
    world = platform.world
    account, guest = world.account(world.person()), world.person()
    inside = world.join(account, guest)
    since, statuses = platform.read(inside)["head"], []
    waiting = threading.Thread(
        target=lambda: statuses.append(inside.get(f"/api/revocations?since={since}&wait=20").status_code)
    )
    waiting.start()
    until(lambda: world.server.node.service_side.revocations._room._wakers, bool)
    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    waiting.join(15)
    assert statuses == [401]


def test_the_credential_of_a_service_is_good_for_the_feed_alone(platform: Platform) -> None:
    assert platform.service.get("/api/revocations?region=de-1").status_code == 200
    for path in ("/api/whoami", "/api/users", "/api/logs", "/api/access/review", "/api/accounts", "/api/me"):
        assert platform.service.get(path).status_code == 401, path
    token = _token_of(platform.service)
    assert token.startswith(SERVICE_TOKEN) and has_checksum(token.removeprefix(SERVICE_TOKEN))
    other_end = "y" if token.endswith("x") else "x"
    for wrong in (token[:-1] + other_end, SERVICE_TOKEN, SERVICE_TOKEN + "0" * 49):
        other = platform.world.anyone.with_(f"Bearer {wrong}")
        assert other.get("/api/revocations?region=de-1").status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("since=-1&region=de-1", 400, "since"),
        ("since=x&region=de-1", 400, "since"),
        ("since=" + "9" * 19 + "&region=de-1", 400, "since"),
        ("wait=31&region=de-1", 400, "wait"),
        ("wait=-1&region=de-1", 400, "wait"),
        ("wait=1e1&region=de-1", 400, "wait"),
        ("", 400, "region"),
        ("region=xx-9", 404, None),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(
    platform: Platform, query: str, status: int, field: str | None
) -> None:
    answer = platform.service.get(f"/api/revocations?{query}")
    assert answer.status_code == status
    assert field is None or field in answer.json()["fields"]


def test_where_rows_were_forgotten_the_feed_begins_anew_and_no_token_slips_through(
    platform: Platform,
) -> None:
    world, server = platform.world, platform.world.server
    account, guest = world.account(world.person()), world.person()
    old = world.join(account, guest)
    verifier = platform.verifier()
    since = verifier._position
    assert since is not None
    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    world.key(account.api)
    database = server.node.doors.by_region["de-1"].plane.database  # pyright: ignore[reportArgumentType]  # a region id
    platform.clock.advance(days=2)
    owner_again = world.sign_in(account.owner.email)
    owner = Person("", "", "", account.owner.id, owner_again)
    server.run(database.run_tx(lambda tx: forget_changes(tx, before=platform.clock())))
    entered = world.enter(owner, account.id)

    found = platform.read(platform.service, since)
    assert found["reset"] and found["floor"] == found["next"] == found["head"] > since
    assert verifier.poll()
    assert _refusal(verifier, _token_of(entered)) is None
    platform.clock.advance(days=-2)
    assert _refusal(verifier, _token_of(old)) == "below the floor"
    assert platform.read(platform.service, found["head"] + 1000)["reset"], "a restored database goes back"


def test_answers_that_come_twice_or_out_of_order_change_nothing(platform: Platform) -> None:
    world = platform.world
    account, guest, other = world.account(world.person()), world.person(), world.person()
    inside, others = world.join(account, guest), world.join(account, other)
    verifier = platform.verifier()
    begun = verifier._position
    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    first = platform.read(platform.service, begun)
    account.api.call("DELETE", f"/api/users/{other.id}", status=204)
    second = platform.read(platform.service, first["next"])

    verifier.apply(first["next"], second)
    assert verifier._position == begun, "what leaves a gap is not taken"
    assert _refusal(verifier, _token_of(others)) is None
    for since, answer in ((begun, first), (begun, first), (first["next"], second), (begun, first)):
        verifier.apply(since, answer)
    assert verifier._position == second["next"]
    assert {_refusal(verifier, _token_of(api)) for api in (inside, others)} == {"membership"}


def test_a_verifier_that_cannot_read_the_feed_refuses_everything_long_before_a_token_ends(
    platform: Platform,
) -> None:
    world = platform.world
    account = world.account(world.person())
    seconds = 1000.0
    verifier = OfflineVerifier(platform.service, "de-1", wall_clock=platform.clock, monotonic=lambda: seconds)
    verifier.begin()
    assert _refusal(verifier, _token_of(account.api)) == "stale", "before the first reading"
    assert verifier.poll()
    verifier.api = platform.service.with_("Bearer " + SERVICE_TOKEN)
    seconds += TRUSTED_SECONDS
    assert not verifier.poll()
    assert _refusal(verifier, _token_of(account.api)) is None
    seconds += 1
    assert _refusal(verifier, _token_of(account.api)) == "stale"
    assert TRUSTED_SECONDS < 600
    verifier.api = platform.service
    assert verifier.poll()
    assert _refusal(verifier, _token_of(account.api)) is None


def test_more_waiting_answers_than_one_reader_may_have_are_given_at_once(platform: Platform) -> None:
    world = platform.world
    account = world.account(world.person())
    head, statuses = platform.read(account.api)["head"], []
    path = f"/api/revocations?since={head}&wait=20"
    waiting = [
        threading.Thread(target=lambda: statuses.append(account.api.get(path).status_code))
        for _ in range(MOST_WAITING_EACH)
    ]
    for each in waiting:
        each.start()
    until(
        lambda: len(world.server.node.service_side.revocations._room._wakers),
        lambda many: many == MOST_WAITING_EACH,
    )
    begun = time.monotonic()
    assert account.api.call("GET", path)["rows"] == []
    assert time.monotonic() - begun < 5
    world.key(account.api)
    for each in waiting:
        each.join(15)
    assert statuses == [200] * MOST_WAITING_EACH


def test_answers_that_wait_are_let_go_when_the_node_ends(install: Install) -> None:
    installed = install()
    statuses: list[int] = []
    with serving(installed.config, installed.data, FrozenClock()) as server:
        world = World(server)
        account = world.account(world.person())
        head = account.api.call("GET", "/api/revocations")["head"]
        waiting = threading.Thread(
            target=lambda: statuses.append(
                account.api.get(f"/api/revocations?since={head}&wait=30").status_code
            )
        )
        waiting.start()
        until(lambda: server.node.service_side.revocations._room._wakers, bool)
        begun = time.monotonic()
        server.loop.call_soon_threadsafe(server.node.service_side.revocations.stop)
        waiting.join(10)
        assert statuses == [200] and time.monotonic() - begun < 5
