"""An account that asks everybody for a second factor: who enters, who is led where, and that nobody is locked out for ever."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from joserfc.jws import extract_compact
from msgspec import json

from domicile.console.session_cookie import SESSION_COOKIE
from tests.support.api import Api
from tests.support.factors import Factors, factors_of
from tests.support.stored import everything, stored_of
from tests.support.world import Account, Key, Person, World, until

FACTS = {"stepUp": "/api/me/step-up", "enrol": "/api/me/factors"}
_REQUIRED = {"mfaRequired": True}


def _kind(answer: httpx2.Response) -> tuple[int, str]:
    """The status of an answer, and the code of the problem that it is."""
    return answer.status_code, answer.json().get("type", "").rpartition("/")[2]


REFUSED = (403, "mfa-required")


@dataclass(frozen=True)
class Labs:
    """An account whose owner has a second factor and has used it, and a member who has none."""

    world: World
    factors: Factors
    account: Account
    owner: Person
    """Speaks with a session in which the factor was used."""
    inside: Api
    member: Person
    member_inside: Api
    key: Key

    @property
    def path(self) -> str:
        return f"/api/accounts/{self.account.id}"

    def require(self, *, required: bool = True) -> dict[str, Any]:
        return self.inside.call("POST", self.path, {"mfaRequired": required})


@pytest.fixture
def labs(world: World) -> Labs:
    return _labs(world)


def _labs(world: World) -> Labs:
    factors, account, member = (
        factors_of(world),
        world.account(world.person("Ann Owner")),
        world.person("Gus"),
    )
    member_inside = world.join(account, member)
    key = world.key(account.api)
    factors.enrol(account.owner)
    owner = factors.sign_in(account.owner)
    return Labs(world, factors, account, owner, world.enter(owner, account.id), member, member_inside, key)


def test_from_the_next_request_on_nobody_acts_without_a_second_factor_and_other_accounts_are_untouched(
    labs: Labs,
) -> None:
    world, other = labs.world, labs.world.account(labs.member, "us-1", "Elsewhere")
    warm = labs.member_inside
    for _ in range(2):  # held in process from now on
        warm.call("GET", "/api/whoami")
        warm.call("POST", "/api/access/check", {"action": "identity:user:read"})

    answered = labs.require()

    assert answered["mfaRequired"] is True
    assert _kind(warm.get("/api/whoami")) == REFUSED
    assert _kind(warm.get("/api/users")) == REFUSED
    assert _kind(warm.post("/api/access/check", {"action": "identity:user:read"})) == REFUSED
    assert _kind(labs.member.api.get(labs.path)) == REFUSED
    assert _kind(labs.member.api.post(f"{labs.path}/token")) == REFUSED
    assert other.api.call("GET", "/api/whoami")["accountID"] == other.id
    assert labs.member.api.post(f"/api/accounts/{other.id}/token").status_code == 201
    assert {each["id"] for each in labs.member.api.call("GET", "/api/accounts")["accounts"]} == {
        labs.account.id,
        other.id,
    }
    # The owner's other session and token, from before they had a factor, are no better than the member's.
    assert _kind(labs.account.api.get("/api/whoami")) == REFUSED
    assert _kind(labs.account.owner.api.post(f"{labs.path}/token")) == REFUSED
    assert labs.inside.call("GET", "/api/whoami")["accountID"] == labs.account.id
    assert world.enter(labs.owner, labs.account.id).get("/api/users").status_code == 200


def test_a_key_has_no_second_factor_and_goes_on(labs: Labs) -> None:
    labs.require()
    assert labs.key.api.call("GET", "/api/whoami")["accountID"] == labs.account.id
    assert labs.key.api.call("GET", labs.path)["mfaRequired"] is True


def test_the_token_says_that_a_second_factor_was_used_and_when(labs: Labs) -> None:
    labs.require()
    entered = labs.owner.api.call("POST", f"{labs.path}/token", status=201)
    claims = json.decode(extract_compact(entered["token"].encode()).payload)
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    assert claims["auth_time"] == int(labs.world.server.clock().timestamp())


def test_whoever_is_refused_learns_whether_they_have_a_factor_and_where_to_go(labs: Labs) -> None:
    labs.require()
    before = labs.member.api.post(f"{labs.path}/token").json()

    labs.factors.enrol(labs.member)
    # At once, though the copy of the person in the region could be on its way still: the session is asked.
    after = labs.member.api.post(f"{labs.path}/token").json()

    assert {name: before[name] for name in ("enrolled", *FACTS)} == {"enrolled": False, **FACTS}
    assert {name: after[name] for name in ("enrolled", *FACTS)} == {"enrolled": True, **FACTS}
    assert FACTS["enrol"] in before["message"] and FACTS["stepUp"] in after["message"]
    signed_in = labs.factors.sign_in(labs.member)
    assert labs.world.enter(signed_in, labs.account.id).get("/api/whoami").status_code == 200


def test_a_session_that_steps_up_enters_and_the_account_token_of_before_stays_refused(labs: Labs) -> None:
    labs.factors.enrol(labs.member)
    labs.require()
    labs.factors.use(labs.member.api)
    assert labs.world.enter(labs.member, labs.account.id).get("/api/whoami").status_code == 200
    assert _kind(labs.member_inside.get("/api/whoami")) == REFUSED


def test_pages_lead_to_a_second_factor_and_back(labs: Labs) -> None:
    labs.require()

    def page(person: Person, path: str) -> httpx2.Response:
        cookie = f"{SESSION_COOKIE}={(person.api.authorization or '')[7:]}"
        return labs.world.server.client.get(path, headers={"Cookie": cookie}, follow_redirects=False)

    users = f"/accounts/{labs.account.id}/users/{labs.owner.id}"
    none_yet = page(labs.member, users)
    labs.factors.enrol(labs.member)
    not_used = page(labs.member, users)

    assert none_yet.status_code == not_used.status_code == 303
    assert none_yet.headers["Location"] == f"/me/security?next={users}&done=second-factor-missing"
    assert not_used.headers["Location"] == f"/step-up?next={users}&done=second-factor-asked"
    assert page(labs.owner, users).status_code == 200


@pytest.mark.parametrize("is_enrolled", [False, True])
def test_nobody_asks_others_for_a_factor_that_they_have_not_used_themselves(
    world: World, is_enrolled: bool
) -> None:
    account, factors = world.account(world.person()), factors_of(world)
    if is_enrolled:
        factors.enrol(account.owner)
    until(lambda: everything(world.server, "outbox"), lambda rows: not any(rows.values()))
    before = stored_of(world.server, account.id)

    refused = account.api.post(f"/api/accounts/{account.id}", _REQUIRED)

    assert _kind(refused) == REFUSED
    assert refused.json()["enrolled"] is is_enrolled
    assert stored_of(world.server, account.id) == before


def test_who_is_no_owner_cannot_lock_all_owners_out(world: World) -> None:
    account, keeper, factors = world.account(world.person()), world.person("Kim Keeper"), factors_of(world)
    world.role(account, "keeper", {"identity": "full-access"})
    world.join(account, keeper, "keeper")
    factors.enrol(keeper)
    inside = world.enter(factors.sign_in(keeper), account.id)

    refused = inside.post(f"/api/accounts/{account.id}", _REQUIRED)

    assert _kind(refused) == (409, "mfa-locks-everyone-out")
    assert account.api.call("GET", f"/api/accounts/{account.id}")["mfaRequired"] is False
    factors.enrol(account.owner)
    assert inside.call("POST", f"/api/accounts/{account.id}", _REQUIRED)["mfaRequired"] is True


@pytest.mark.parametrize("how", ["disabled", "demoted", "removed"])
def test_an_owner_who_is_none_any_more_does_not_count(world: World, how: str) -> None:
    account, former, factors = world.account(world.person()), world.person("Fay Former"), factors_of(world)
    world.join(account, former, "full-access")
    factors.enrol(former)
    key, path = world.key(account.api), f"/api/users/{former.id}"
    change = {"disabled": {"state": "disabled"}, "demoted": {"roleID": "read-only"}}
    if how == "removed":
        account.api.call("DELETE", path, status=204)
    else:
        account.api.call("POST", path, change[how])
    assert _kind(key.api.post(f"/api/accounts/{account.id}", _REQUIRED)) == (409, "mfa-locks-everyone-out")


def test_a_key_asks_people_for_a_factor_only_while_an_owner_has_one(world: World) -> None:
    account, factors = world.account(world.person()), factors_of(world)
    key, path = world.key(account.api), f"/api/accounts/{account.id}"
    assert _kind(key.api.post(path, _REQUIRED)) == (409, "mfa-locks-everyone-out")

    factors.enrol(account.owner)

    assert key.api.call("POST", path, _REQUIRED)["mfaRequired"] is True
    assert key.api.call("POST", path, {"mfaRequired": False})["mfaRequired"] is False
    assert account.api.get("/api/whoami").status_code == 200


def test_an_owner_who_enrolled_this_moment_counts_though_their_card_is_on_its_way(world: World) -> None:
    account, factors = world.account(world.person()), factors_of(world)
    factors.use(account.owner.api)  # the session has it, no region has heard of it

    inside = world.enter(account.owner, account.id)

    assert inside.call("GET", f"/api/users/{account.owner.id}")["mfaEnabled"] is False
    assert inside.call("POST", f"/api/accounts/{account.id}", _REQUIRED)["mfaRequired"] is True


def test_an_owner_who_loses_their_factor_is_led_to_another_and_not_locked_out(labs: Labs) -> None:
    labs.require()
    labs.factors.lose(labs.owner)
    again = replace(labs.owner, api=labs.world.sign_in(labs.owner.email))

    refused = again.api.post(f"{labs.path}/token")
    assert _kind(refused) == REFUSED and refused.json()["enrolled"] is False

    labs.factors.enrol(labs.owner)
    back = labs.world.enter(labs.factors.sign_in(labs.owner), labs.account.id)
    assert back.call("POST", labs.path, {"mfaRequired": False})["mfaRequired"] is False
    assert labs.account.api.get("/api/whoami").status_code == 200


def test_the_change_is_in_the_audit_in_history_and_in_the_feed_of_what_no_longer_counts(
    own_world: World,
) -> None:
    labs = _labs(own_world)
    head = labs.inside.call("GET", "/api/revocations?region=de-1")["head"]
    moment = own_world.server.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    own_world.server.clock.advance(minutes=1)
    labs.require()
    labs.require()  # again changes nothing
    own_world.server.clock.advance(minutes=1)

    logs = labs.inside.call("GET", "/api/logs?limit=250")["logs"]
    updates = [each for each in logs if each["type"] == "audit.account_updated.v1"]
    assert [each["details"] for each in updates] == [{"changed": {"mfaRequired": True}}]
    rows = labs.inside.call("GET", f"/api/revocations?region=de-1&since={head}")["rows"]
    assert [row[1:4] for row in rows if row[1] == "account"] == [
        ["account", labs.account.id, labs.account.id]
    ]

    def rules(query: str) -> dict[str, tuple[bool, list[str]]]:
        entries = labs.inside.call("GET", f"/api/access/review?limit=250{query}")["entries"]
        return {
            each["id"]: (each["canEnter"], [step["rule"] for step in each["steps"]])
            for each in entries
            if each["kind"] == "user"
        }

    now, then = rules(""), rules(f"&at={moment}")
    assert now[labs.member.id][0] is False and now[labs.member.id][1][-1] == "mfa-used"
    assert now[labs.owner.id][0] is True
    assert then[labs.member.id][0] is True and "mfa-used" not in then[labs.member.id][1]


def test_giving_up_the_second_factor_lets_everybody_in_again_and_voids_no_token(labs: Labs) -> None:
    labs.require()
    before = labs.inside.call("GET", "/api/revocations?region=de-1")["head"]
    labs.require(required=False)
    assert labs.member_inside.get("/api/whoami").status_code == 200
    rows = labs.inside.call("GET", f"/api/revocations?region=de-1&since={before}")["rows"]
    assert not [row for row in rows if row[2] == labs.account.id]


def test_who_has_a_factor_shows_among_users_and_wherever_access_is_explained(labs: Labs) -> None:
    def shown() -> tuple[Any, ...]:
        (entry,) = [
            each
            for each in labs.inside.call("GET", "/api/access/review?limit=250")["entries"]
            if each["id"] == labs.member.id
        ]
        change = {"change": _REQUIRED}
        foretold = labs.inside.call("POST", "/api/access/preflight", change)
        out = [each["email"] for each in foretold["affected"] if not each["canEnter"]]
        user = labs.inside.call("GET", f"/api/users/{labs.member.id}")
        (listed,) = [
            each["mfaEnabled"]
            for each in labs.inside.call("GET", "/api/users")["users"]
            if each["id"] == labs.member.id
        ]
        return user["mfaEnabled"], listed, entry["mfaEnabled"], out, foretold["ownerless"]

    assert shown() == (False, False, False, [labs.member.email], False)
    labs.factors.enrol(labs.member)
    assert shown() == (True, True, True, [], False)
    labs.require()
    urn = f"urn:domicile:identity:de-1:{labs.account.id}:user/{labs.member.id}"
    query = f"/api/access/explain?principal={urn}&action=identity:user:read"
    explained = labs.inside.call("GET", query)
    assert explained["allowed"] is True
    labs.factors.lose(labs.member)
    explained = labs.inside.call("GET", query)
    assert explained["allowed"] is False and explained["steps"][-1]["rule"] == "mfa-used"


def test_a_suspended_account_is_restored_only_with_a_second_factor(labs: Labs) -> None:
    labs.require()
    labs.inside.call("DELETE", labs.path)
    refused = labs.account.owner.api.post(f"{labs.path}/restore")
    assert _kind(refused) == REFUSED and refused.json()["enrolled"] is True
    assert labs.owner.api.call("POST", f"{labs.path}/restore")["mfaRequired"] is True


def test_an_invitation_is_accepted_without_a_factor_and_the_account_entered_with_one(labs: Labs) -> None:
    guest = labs.world.person("Gil Guest")
    token = labs.world.invite(labs.inside, guest.email)
    labs.require()
    guest.api.call("POST", "/api/invitations/accept", {"token": token})
    assert _kind(guest.api.post(f"{labs.path}/token")) == REFUSED
    labs.factors.enrol(guest)
    assert labs.world.enter(labs.factors.sign_in(guest), labs.account.id).get("/api/users").status_code == 200


def test_asking_for_a_factor_while_the_last_owner_with_one_is_demoted_ends_with_one_order_of_both(
    world: World,
) -> None:
    for _ in range(5):
        labs = _labs(world)
        other = labs.world.person("Oda Owner")
        labs.world.join(replace(labs.account, api=labs.inside), other, "full-access")
        other_key = labs.world.key(labs.inside)
        path = f"/api/users/{labs.owner.id}"
        with ThreadPoolExecutor(2) as pool:
            asked = pool.submit(lambda labs=labs: labs.key.api.post(labs.path, _REQUIRED))
            demoted = pool.submit(
                lambda key=other_key, path=path: key.api.post(path, {"roleID": "read-only"})
            )
        assert demoted.result().status_code == 200
        assert asked.result().status_code == 200 or _kind(asked.result()) == (409, "mfa-locks-everyone-out")
        assert labs.key.api.call("GET", labs.path)["mfaRequired"] is (asked.result().status_code == 200)


@pytest.mark.parametrize("value", ["true", 1, None, "", [], {}])
def test_only_true_and_false_are_taken(labs: Labs, value: object) -> None:
    refused = labs.inside.post(labs.path, {"mfaRequired": value})
    assert _kind(refused)[0] == 400
    assert labs.inside.call("GET", labs.path)["mfaRequired"] is False


def test_a_stale_version_changes_nothing(labs: Labs) -> None:
    answer = labs.inside.get(labs.path)
    labs.inside.call("POST", labs.path, {"alias": "Renamed"})
    refused = labs.inside.post(labs.path, _REQUIRED, headers={"If-Match": answer.headers["ETag"]})
    assert _kind(refused) == (412, "stale-version")
    assert labs.inside.call("GET", labs.path)["mfaRequired"] is False
