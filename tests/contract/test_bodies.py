"""The shapes on the wire that client programs rely on: envelopes, names, times, URNs, statuses."""

import re
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.world import Account, Key, Person, World

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TIMES = {
    *("created", "lastModified", "lastActivity", "lastEntitlement", "lastSent", "lastSeen"),
    *("expiry", "expires", "time", "formerSecretExpiry"),
}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def ann(world: World) -> Person:
    return world.person("Ann Example")


@pytest.fixture(scope="module")
def labs(world: World, ann: Person) -> Account:
    return world.account(ann, "de-1", "Example Labs")


@pytest.fixture(scope="module")
def key(world: World, labs: Account) -> Key:
    return world.key(labs.api, "read-only", description="Reads", allowedCIDRs=["127.0.0.0/8"])


def _walk(value: object, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _walk(inner, key)]
    if isinstance(value, list):
        return [pair for inner in value for pair in _walk(inner, name)]
    return [(name, value)]


def _check_urn(urn: str, account: Account, kind: str, item: str) -> None:
    parts = urn.split(":")
    assert parts == ["urn", "domicile", "identity", account.region, account.id, f"{kind}/{item}"]


def test_an_account_is_described_with_exactly_its_documented_members(ann: Person, labs: Account) -> None:
    body = labs.api.call("GET", f"/api/accounts/{labs.id}")
    assert body.keys() == {
        *("id", "alias", "locale", "timezone", "region", "state", "created"),
        *("lastEntitlement", "lastModified", "urn", "mfaRequired", "links"),
    }
    assert re.fullmatch(r"[0-9]{12}", body["id"])
    assert (body["alias"], body["region"], body["state"]) == ("Example Labs", "de-1", "active")
    assert (body["locale"], body["timezone"], body["mfaRequired"]) == ("en", "UTC", False)
    _check_urn(body["urn"], labs, "account", labs.id)
    (link,) = body["links"]
    assert (link["rel"], link["method"]) == ("token", "post")
    entered = ann.api.post(link["href"])
    assert entered.status_code == 201


def test_a_persons_accounts_are_listed_with_role_state_and_region(ann: Person, labs: Account) -> None:
    listed = ann.api.call("GET", "/api/accounts")
    assert listed.keys() == {"accounts"}
    (account,) = listed["accounts"]
    assert account["id"] == labs.id
    assert (account["roleID"], account["state"], account["region"]) == ("full-access", "active", "de-1")
    _check_urn(account["urn"], labs, "account", labs.id)


def test_creating_an_account_answers_201_with_the_object_and_where_it_is(world: World) -> None:
    person = world.person()
    answer = person.api.post(
        "/api/accounts", {"alias": "New", "region": "jp-1", "locale": "ja", "timezone": "Asia/Tokyo"}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/accounts/{made['id']}"
    assert (made["locale"], made["timezone"], made["region"]) == ("ja", "Asia/Tokyo", "jp-1")
    assert person.api.get(answer.headers["location"]).json() == made


def test_entering_gives_a_token_with_its_account_region_and_role(ann: Person, labs: Account) -> None:
    body = ann.api.call("POST", f"/api/accounts/{labs.id}/token", status=201)
    assert body.keys() == {"token", "tokenType", "expires", "accountID", "region", "baseURL", "roleID"}
    assert (body["tokenType"], body["accountID"], body["region"]) == ("Bearer", labs.id, "de-1")
    assert body["roleID"] == "full-access"


def test_a_user_is_described_with_exactly_the_documented_members(ann: Person, labs: Account) -> None:
    listed = labs.api.call("GET", "/api/users")
    assert listed.keys() == {"users"}
    (user,) = listed["users"]
    names = {"id", "name", "email", "roleID", "locale", "timezone", "state", "mfaEnabled", "created"}
    assert user.keys() - {"lastActivity"} == names | {"lastModified", "urn"}
    assert _UUID.fullmatch(user["id"])
    assert (user["id"], user["email"], user["state"]) == (ann.id, ann.email, "enabled")
    _check_urn(user["urn"], labs, "user", ann.id)
    described = labs.api.call("GET", f"/api/users/{ann.id}")
    assert described.items() >= {k: v for k, v in user.items() if k != "lastActivity"}.items()


def test_an_api_key_shows_its_secret_once_and_describes_itself(labs: Account, key: Key) -> None:
    body = key.api.call("GET", f"/api/apikeys/{key.id}")
    names = {"id", "alias", "roleID", "locale", "timezone", "enabled", "created", "lastModified", "urn"}
    assert body.keys() - {"lastActivity"} == names | {"description", "allowedCIDRs"}
    assert body["enabled"] is True
    assert ":" not in key.id and key.id == body["id"]
    assert not re.search(r"\s", key.secret)
    _check_urn(body["urn"], labs, "apikey", key.id)
    assert key.api.call("GET", "/api/apikeys/current")["id"] == key.id
    listed = labs.api.call("GET", "/api/apikeys")
    assert key.id in [each["id"] for each in listed["apikeys"]]
    assert key.secret not in labs.api.get("/api/apikeys").text
    assert key.secret not in labs.api.get(f"/api/apikeys/{key.id}").text
    assert key.secret not in labs.api.get("/api/logs").text


def test_a_key_without_any_right_to_read_keys_still_describes_itself_and_for_a_person_there_is_no_current_key(
    labs: Account, key: Key
) -> None:
    assert key.api.get("/api/apikeys/current").json()["urn"].split(":")[3:5] == [labs.region, labs.id]
    assert labs.api.get("/api/apikeys/current").status_code == 404


def test_an_invitation_is_answered_with_exactly_the_documented_members_and_never_its_token(
    world: World, labs: Account
) -> None:
    address = world.address("Grace")
    answer = labs.api.post("/api/invitations", {"email": address, "roleID": "read-only"})
    assert answer.status_code == 201
    body = answer.json()
    names = {"id", "email", "roleID", "state", "created", "lastModified", "expiry", "lastSent", "urn"}
    assert body.keys() == names
    assert re.fullmatch(r"[0-9A-F]{32}", body["id"])
    assert (body["email"], body["roleID"], body["state"]) == (address, "read-only", "invited")
    assert answer.headers["location"] == f"/api/invitations/{body['id']}"
    _check_urn(body["urn"], labs, "invitation", body["id"])
    token = world.token_to(address, "join")
    secret = token.rpartition(".")[2]
    for path in ("/api/invitations", f"/api/invitations/{body['id']}", "/api/logs"):
        assert secret not in labs.api.get(path).text
    revoked = labs.api.delete(f"/api/invitations/{body['id']}")
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert labs.api.call("GET", f"/api/invitations/{body['id']}")["state"] == "revoked"


def test_the_two_predefined_roles_name_a_level_for_every_service(labs: Account) -> None:
    listed = labs.api.call("GET", "/api/roles")
    assert listed.keys() == {"roles"}
    roles = {role["id"]: role for role in listed["roles"]}
    assert roles.keys() == {"full-access", "read-only"}
    for name, role in roles.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        _check_urn(role["urn"], labs, "role", name)
        for urn in role["serviceRoleURNs"]:
            assert urn.split(":")[3:] == [labs.region, labs.id, f"role/{name}"]
        assert labs.api.call("GET", f"/api/roles/{name}") == role


def test_an_audit_event_has_its_documented_members_and_the_actors_address(ann: Person, labs: Account) -> None:
    listed = labs.api.call("GET", "/api/logs?limit=250")
    assert listed.keys() == {"logs"}
    events = listed["logs"]
    for event in events:
        assert event.keys() >= {"principalURN", "time", "event", "eventID", "type", "accountID", "details"}
        assert event["accountID"] == labs.id
        assert re.fullmatch(r"audit\.[A-Za-z_-]+\.v1", event["type"])
        assert event["principalURN"].split(":")[3:5] == [labs.region, labs.id]
    created = events[-1]
    assert created["type"] == "audit.account_created.v1"
    assert created["principalEmail"] == ann.email


def test_whoami_tells_a_person_a_member_and_a_key_apart(ann: Person, labs: Account, key: Key) -> None:
    person = ann.api.call("GET", "/api/whoami")
    assert (person["kind"], person["id"], person["method"]) == ("user", ann.id, "session")
    assert not person.keys() & {"accountID", "region", "roleID", "levels"}
    member = labs.api.call("GET", "/api/whoami")
    assert (member["kind"], member["method"]) == ("user", "account-token")
    assert (member["accountID"], member["region"], member["roleID"]) == (labs.id, "de-1", "full-access")
    assert member["email"] == ann.email
    program = key.api.call("GET", "/api/whoami")
    assert (program["kind"], program["id"], program["method"]) == ("apikey", key.id, "api-key")
    assert (program["accountID"], program["roleID"]) == (labs.id, "read-only")
    assert program["levels"]["identity"] == "read-only"
    assert "email" not in program


def test_every_time_on_the_wire_is_utc_in_whole_seconds_and_no_good_answer_has_a_message(
    world: World, ann: Person, labs: Account, key: Key
) -> None:
    ways: list[tuple[Api, str]] = [
        *((ann.api, path) for path in ("/api/accounts", "/api/me", "/api/me/sessions", "/api/me/events")),
        *((labs.api, f"/api/{path}") for path in ("users", "apikeys", "invitations", "roles", "logs")),
        *((labs.api, f"/api/{path}") for path in ("whoami", f"users/{ann.id}", f"accounts/{labs.id}")),
        (labs.api, f"/api/accounts/{labs.id}/residency"),
        (labs.api, "/api/access/explain?action=identity:user:read"),
        (key.api, "/api/apikeys/current"),
        *((world.anyone, path) for path in ("/api/regions", "/.well-known/domicile", "/healthz")),
    ]
    seen = 0
    for api, path in ways:
        answer = api.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "application/json"
        body = answer.json()
        assert "message" not in body, path
        for name, value in _walk(body):
            assert value is not None, (path, name)
            if name in _TIMES:
                assert _TIME.fullmatch(value), (path, name, value)
                seen += 1
    assert seen > 20


def test_the_region_of_an_account_is_refused_with_the_reason(labs: Account) -> None:
    refused = labs.api.post(f"/api/accounts/{labs.id}", {"region": "us-1"})
    assert refused.status_code == 400
    assert "never change" in refused.json()["fields"]["region"]
    assert labs.api.call("GET", f"/api/accounts/{labs.id}")["region"] == "de-1"


@pytest.mark.parametrize("name", ["id", "urn", "created", "lastModified", "state"])
def test_a_read_only_field_is_refused_by_name(labs: Account, name: str) -> None:
    refused = labs.api.post(f"/api/accounts/{labs.id}", {name: "x", "alias": "Other"})
    assert refused.status_code == 400
    assert refused.json()["fields"] == {name: "is read-only"}
    assert labs.api.call("GET", f"/api/accounts/{labs.id}")["alias"] == "Example Labs"


def test_unknown_missing_and_mistyped_fields_are_all_named_at_once(labs: Account) -> None:
    refused = labs.api.post("/api/apikeys", {"alias": 7, "colour": "red", "enabled": "yes"})
    assert refused.status_code == 400
    assert refused.json()["fields"].keys() == {"alias", "colour", "enabled", "roleID"}


def test_a_question_answered_from_memory_is_answered_as_the_first_time_and_anew_after_a_change(
    world: World,
) -> None:
    owner = world.person("Ann Example")
    account = world.account(owner)
    key = world.key(account.api, "read-only")
    check = {"action": "identity:user:update"}
    same = {"X-Request-Id": "the-same"}
    for api in (account.api, key.api):
        ways = (
            lambda api=api: api.get("/api/whoami", headers=same),
            lambda api=api: api.get("/api/users", headers=same),
            lambda api=api: api.get("/api/users?limit=25", headers=same),
            lambda api=api: api.post("/api/access/check", check, headers=same),
        )
        for ask in ways:
            account.api.call("POST", f"/api/apikeys/{key.id}", {"alias": "now-a"})
            account.api.call("POST", f"/api/apikeys/{key.id}", {"alias": "now-b"})
            first, *again = [ask() for _ in range(3)]
            for answer in again:
                assert (answer.status_code, answer.content) == (first.status_code, first.content)
                assert sorted(answer.headers.items()) == sorted(first.headers.items())
    assert key.api.call("GET", "/api/whoami")["name"] == "now-b"
    world.join(account, world.person("Gus Guest"))
    for api in (account.api, key.api):
        assert len(api.call("GET", "/api/users")["users"]) == 2
    account.api.call("POST", f"/api/apikeys/{key.id}", {"roleID": "full-access"})
    assert key.api.call("POST", "/api/access/check", check)["allowed"] is True
