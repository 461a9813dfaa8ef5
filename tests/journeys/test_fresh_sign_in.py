"""What is dangerous in an account is done within ten minutes of showing who one is; what is not, as long as the session lasts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

from tests.support.api import Api
from tests.support.factors import factors_of
from tests.support.stored import Stored, everything, stored_of
from tests.support.world import Account, Key, Person, World, until


def _kind(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("type", "").rpartition("/")[2] if answer.content else ""


@dataclass(frozen=True)
class Labs:
    """An account with something of each kind that is dangerous to change."""

    world: World
    account: Account
    partner: Person
    """Another owner."""
    reader: Person
    key: Key
    read_key: Key
    invited: str
    offered_power: str

    @property
    def path(self) -> str:
        return f"/api/accounts/{self.account.id}"


@pytest.fixture
def labs(world: World) -> Labs:
    account = world.account(world.person("Ann Owner"))
    partner, reader = world.person("Pat Partner"), world.person("Rea Reader")
    world.join(account, partner, "full-access")
    world.join(account, reader)
    world.role(account, "keeper", {"identity": "full-access"})
    world.role(account, "watcher", {"identity": "read-only"})
    offers = [
        account.api.call(
            "POST", "/api/invitations", {"email": world.address("i"), "roleID": role}, status=201
        )["id"]
        for role in ("read-only", "keeper")
    ]
    key, read_key = world.key(account.api), world.key(account.api, "read-only")
    until(lambda: everything(world.server, "outbox"), lambda rows: not any(rows.values()))
    return Labs(world, account, partner, reader, key, read_key, offers[0], offers[1])


def _urns(labs: Labs, level: str) -> dict[str, list[str]]:
    return {"serviceRoleURNs": [f"urn:domicile:identity:de-1:{labs.account.id}:role/{level}"]}


Request = Callable[[Labs], tuple[str, str, Any]]

DANGEROUS: dict[str, Request] = {
    "delete the account": lambda labs: ("DELETE", labs.path, None),
    "make a key that only reads": lambda _: (
        "POST",
        "/api/apikeys",
        {"alias": "x", "roleID": "read-only"},
    ),
    "rotate a key": lambda labs: ("POST", f"/api/apikeys/{labs.read_key.id}/rotate", {}),
    "give a key power": lambda labs: (
        "POST",
        f"/api/apikeys/{labs.read_key.id}",
        {"roleID": "full-access"},
    ),
    "give a user full access": lambda labs: (
        "POST",
        f"/api/users/{labs.reader.id}",
        {"roleID": "full-access"},
    ),
    "give a user a role of the account's own with power": lambda labs: (
        "POST",
        f"/api/users/{labs.reader.id}",
        {"roleID": "keeper"},
    ),
    "demote an owner": lambda labs: ("POST", f"/api/users/{labs.partner.id}", {"roleID": "read-only"}),
    "disable an owner": lambda labs: ("POST", f"/api/users/{labs.partner.id}", {"state": "disabled"}),
    "remove an owner": lambda labs: ("DELETE", f"/api/users/{labs.partner.id}", None),
    "leave, as an owner": lambda labs: ("DELETE", f"/api/users/{labs.account.owner.id}", None),
    "invite somebody with power": lambda _: (
        "POST",
        "/api/invitations",
        {"email": "new@example.com", "roleID": "full-access"},
    ),
    "invite many, one with power": lambda _: (
        "POST",
        "/api/invitations/bulk",
        {"invitations": [{"email": "bulk@example.com", "roleID": "keeper"}]},
    ),
    "offer power to who was invited": lambda labs: (
        "POST",
        f"/api/invitations/{labs.invited}",
        {"roleID": "keeper"},
    ),
    "send an offer of power again": lambda labs: (
        "POST",
        f"/api/invitations/{labs.offered_power}/send",
        {},
    ),
    "give a role power": lambda labs: ("POST", "/api/roles/watcher", _urns(labs, "full-access")),
    "take power from a role": lambda labs: ("POST", "/api/roles/keeper", _urns(labs, "read-only")),
}
HARMLESS: dict[str, Request] = {
    "rename the account": lambda labs: ("POST", labs.path, {"alias": "Renamed"}),
    "say again that no factor is asked for": lambda labs: ("POST", labs.path, {"mfaRequired": False}),
    "lock a key": lambda labs: ("POST", f"/api/apikeys/{labs.key.id}", {"enabled": False}),
    "delete a key": lambda labs: ("DELETE", f"/api/apikeys/{labs.key.id}", None),
    "remove a reader": lambda labs: ("DELETE", f"/api/users/{labs.reader.id}", None),
    "disable a reader": lambda labs: ("POST", f"/api/users/{labs.reader.id}", {"state": "disabled"}),
    "give a reader another role that reads": lambda labs: (
        "POST",
        f"/api/users/{labs.reader.id}",
        {"roleID": "watcher"},
    ),
    "leave an owner as they are": lambda labs: (
        "POST",
        f"/api/users/{labs.partner.id}",
        {"roleID": "full-access"},
    ),
    "invite a reader": lambda _: (
        "POST",
        "/api/invitations",
        {"email": "r@example.com", "roleID": "read-only"},
    ),
    "revoke an offer of power": lambda labs: ("DELETE", f"/api/invitations/{labs.offered_power}", None),
    "make a role": lambda labs: (
        "POST",
        "/api/roles",
        {"id": "other", "name": "Other", **_urns(labs, "full-access")},
    ),
    "rename a role with power": lambda _: ("POST", "/api/roles/keeper", {"name": "Keepers"}),
}


def _later(labs: Labs, **span: float) -> Api:
    """The owner's way in with the session of the beginning, after a while."""
    labs.world.server.clock.advance(**span)
    return labs.world.enter(labs.account.owner, labs.account.id)


@pytest.mark.parametrize("act", DANGEROUS)
def test_what_is_dangerous_asks_to_show_again_who_one_is_and_is_then_done(labs: Labs, act: str) -> None:
    inside = _later(labs, minutes=10, seconds=1)
    before = stored_of(labs.world.server, labs.account.id)
    method, path, body = DANGEROUS[act](labs)

    refused = inside.send(method, path, body)

    assert _kind(refused) == (403, "reauthentication-required")
    assert refused.json()["maxAge"] == 600
    assert stored_of(labs.world.server, labs.account.id) == before
    again = replace(labs.account.owner, api=labs.world.sign_in(labs.account.owner.email))
    done = labs.world.enter(again, labs.account.id).send(method, path, body)
    assert done.status_code < 300, done.text


@pytest.mark.parametrize("act", HARMLESS)
def test_what_is_not_dangerous_is_done_as_long_as_the_session_lasts(labs: Labs, act: str) -> None:
    inside = _later(labs, minutes=29)
    done = inside.send(*HARMLESS[act](labs))
    assert done.status_code < 300, done.text


def test_ten_minutes_to_the_second_are_within(labs: Labs) -> None:
    inside = _later(labs, minutes=10)
    inside.call("POST", "/api/apikeys", {"alias": "x", "roleID": "read-only"}, status=201)


def test_a_token_made_of_an_old_session_is_as_old_as_the_session(labs: Labs) -> None:
    labs.world.server.clock.advance(minutes=9, seconds=59)
    inside = labs.world.enter(labs.account.owner, labs.account.id)
    body = {"alias": "x", "roleID": "read-only"}
    inside.call("POST", "/api/apikeys", body, status=201)
    labs.world.server.clock.advance(seconds=2)
    assert _kind(inside.post("/api/apikeys", body)) == (403, "reauthentication-required")


def test_a_session_deletes_its_account_only_while_it_is_fresh(labs: Labs) -> None:
    labs.world.server.clock.advance(minutes=11)
    assert _kind(labs.account.owner.api.delete(labs.path)) == (403, "reauthentication-required")
    labs.world.sign_in(labs.account.owner.email).call("DELETE", labs.path)


def test_who_has_a_second_factor_must_have_used_it_however_fresh_the_password_is(labs: Labs) -> None:
    factors = factors_of(labs.world)
    factors.enrol(labs.account.owner)
    body = {"alias": "x", "roleID": "read-only"}

    by_password = factors.sign_in_by_password(labs.account.owner)
    refused = labs.world.enter(by_password, labs.account.id).post("/api/apikeys", body)

    assert _kind(refused) == (403, "reauthentication-required")
    assert _kind(by_password.api.delete(labs.path)) == (403, "reauthentication-required")
    inside = labs.world.enter(factors.sign_in(labs.account.owner), labs.account.id)
    inside.call("POST", "/api/apikeys", body, status=201)


def test_giving_up_the_second_factor_of_the_account_asks_for_a_fresh_one(labs: Labs) -> None:
    factors = factors_of(labs.world)
    factors.enrol(labs.account.owner)
    owner = factors.sign_in(labs.account.owner)
    labs.world.enter(owner, labs.account.id).call("POST", labs.path, {"mfaRequired": True})
    labs.world.server.clock.advance(minutes=11)
    inside = labs.world.enter(owner, labs.account.id)
    for required in (False, True):
        refused = inside.post(labs.path, {"mfaRequired": required})
        # To say what is so already changes nothing, and asks for nothing.
        assert _kind(refused) == ((200, "") if required else (403, "reauthentication-required"))
    factors.use(owner.api)
    labs.world.enter(owner, labs.account.id).call("POST", labs.path, {"mfaRequired": False})


def test_permission_is_asked_before_freshness(labs: Labs) -> None:
    labs.world.server.clock.advance(minutes=11)
    inside = labs.world.enter(labs.reader, labs.account.id)
    for act in ("delete the account", "make a key that only reads", "give a user full access"):
        assert _kind(inside.send(*DANGEROUS[act](labs))) == (403, "not-permitted"), act
    assert _kind(inside.delete(f"/api/accounts/{'0' * 12}")) == (404, "not-found")


@pytest.mark.parametrize(
    "act", [act for act in DANGEROUS if act not in {"delete the account", "leave, as an owner"}]
)
def test_a_key_cannot_show_anything_again_and_does_within_its_role_what_its_holder_automates(
    labs: Labs, act: str
) -> None:
    labs.world.server.clock.advance(days=40)
    done = labs.key.api.send(*DANGEROUS[act](labs))
    assert done.status_code < 300, done.text


def test_no_key_deletes_an_account(labs: Labs) -> None:
    before = _apart_from_the_audit(labs)
    assert _kind(labs.key.api.delete(labs.path)) == (403, "person-required")
    assert _kind(labs.read_key.api.delete(labs.path)) == (403, "not-permitted")
    assert _apart_from_the_audit(labs) == before


def _apart_from_the_audit(labs: Labs) -> Stored:
    """Read what is stored of the account; the audit gets to know of a refusal a moment later."""
    found = stored_of(labs.world.server, labs.account.id)
    return {table: rows for table, rows in found.items() if " audit_" not in table}


def test_a_bulk_that_was_refused_goes_on_under_its_key_once_its_caller_is_fresh(labs: Labs) -> None:
    readers = [{"email": f"r{n}@example.com", "roleID": "read-only"} for n in range(50)]
    body = {"invitations": [*readers, {"email": "boss@example.com", "roleID": "full-access"}]}
    same = {"Idempotency-Key": "one import"}
    inside = _later(labs, minutes=11)

    assert _kind(inside.post("/api/invitations/bulk", body, headers=same))[1] == "reauthentication-required"

    again = replace(labs.account.owner, api=labs.world.sign_in(labs.account.owner.email))
    inside = labs.world.enter(again, labs.account.id)
    results = inside.call("POST", "/api/invitations/bulk", body, headers=same)["results"]
    assert len(results) == 51 and all("invitation" in each for each in results), results[-1]
