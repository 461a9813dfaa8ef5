"""Roles of an account's own, from outside: made, given, changed, and felt at the next request by every credential that has them."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.support.api import Api
from tests.support.world import Account, World


@pytest.fixture
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def urns(account: Account, **levels: str) -> list[str]:
    return [
        f"urn:domicile:{service}:{account.region}:{account.id}:role/{level}"
        for service, level in levels.items()
    ]


def test_a_changed_role_is_felt_at_the_next_request_by_tokens_keys_and_sessions(
    world: World, labs: Account
) -> None:
    world.role(labs, "reader", {"identity": "read-only", "audit": "read-only"}, "Reader")
    guest = world.person("Gus Guest")
    token = world.join(labs, guest, "reader")
    key = world.key(labs.api, "reader").api
    asks = {"action": "audit:log:read"}
    for api in (token, key):
        api.call("GET", "/api/logs")
        assert api.call("POST", "/api/access/check", asks)["allowed"]
        assert api.call("GET", "/api/whoami")["levels"] == {"identity": "read-only", "audit": "read-only"}

    narrowed = {"serviceRoleURNs": urns(labs, identity="read-only")}
    labs.api.call("POST", "/api/roles/reader", narrowed)

    for api in (token, key):
        assert _refused(api.get("/api/logs")) == "not-permitted"
        assert not api.call("POST", "/api/access/check", asks)["allowed"]
        assert api.call("GET", "/api/whoami")["levels"] == {"identity": "read-only"}
        api.call("GET", "/api/users")
    inside = guest.api.call("POST", f"/api/accounts/{labs.id}/token", status=201)
    assert inside["roleID"] == "reader"

    labs.api.call("POST", "/api/roles/reader", {"serviceRoleURNs": urns(labs, audit="full-access")})
    for api in (token, key):
        api.call("GET", "/api/logs")
        assert _refused(api.get("/api/users")) == "not-permitted"
    assert _refused(guest.api.get(f"/api/accounts/{labs.id}")) == "not-permitted"


def test_a_role_is_given_by_invitation_and_offers_only_what_the_inviter_holds(
    world: World, labs: Account
) -> None:
    world.role(labs, "inviter", {"identity": "full-access"}, "Inviter")
    inviter = world.join(labs, world.person("Ina Viter"), "inviter")
    world.role(labs, "billing", {"billing": "read-only"}, "Billing")

    offer = {"email": world.address("new"), "roleID": "billing"}
    assert _refused(inviter.post("/api/invitations", offer)) == "above-your-role"
    assert (
        _refused(inviter.post("/api/apikeys", {"alias": "k", "roleID": "full-access"})) == "above-your-role"
    )
    inviter.call("POST", "/api/invitations", {**offer, "roleID": "inviter"}, status=201)


def test_an_offer_falls_with_the_role_of_who_made_it(world: World, labs: Account) -> None:
    world.role(labs, "host", {"identity": "full-access"}, "Host")
    host = world.join(labs, world.person("Hal Host"), "host")
    guest = world.person("Gus Guest")
    link = world.invite(host, guest.email, "host")

    labs.api.call("POST", "/api/roles/host", {"serviceRoleURNs": urns(labs, identity="read-only")})

    assert _refused(guest.api.post("/api/invitations/accept", {"token": link})) == "invitation-invalid"


def test_a_role_in_use_stays_and_names_who_has_it(world: World, labs: Account) -> None:
    world.role(labs, "kept", {"audit": "read-only"}, "Kept")
    key = world.key(labs.api, "kept")

    refused = labs.api.delete("/api/roles/kept")

    assert refused.status_code == 409
    assert [urn.rpartition("/")[2] for urn in refused.json()["usedBy"]] == [key.id]
    labs.api.call("DELETE", f"/api/apikeys/{key.id}", status=204)
    labs.api.call("DELETE", "/api/roles/kept", status=204)
    assert labs.api.get("/api/roles/kept").status_code == 404


def test_the_matrix_shows_what_every_role_grants(world: World, labs: Account) -> None:
    world.role(labs, "auditor", {"audit": "read-only"}, "Auditor")

    matrix = labs.api.call("GET", "/api/role-matrix")

    assert [service["service"] for service in matrix["services"]] == [
        "identity",
        "audit",
        "billing",
        "cloudaccounts",
    ]
    rows = {role["id"]: role for role in matrix["roles"]}
    assert rows["auditor"]["permissions"] == ["audit:log:read"]
    assert rows["full-access"]["predefined"]
    granted = {
        p for service in matrix["services"] for level in service["levels"] for p in level["permissions"]
    }
    assert set(rows["full-access"]["permissions"]) == granted


def test_a_role_asked_for_twice_under_one_key_is_made_once(world: World, labs: Account) -> None:
    body = {"id": "twice", "name": "Twice", "serviceRoleURNs": urns(labs, audit="read-only")}
    headers = {"Idempotency-Key": "one-role"}

    first = labs.api.call("POST", "/api/roles", body, status=201, headers=headers)

    assert labs.api.call("POST", "/api/roles", body, status=201, headers=headers) == first
    assert _refused(labs.api.post("/api/roles", body)) == "role-exists"


def _refused(answer: httpx2.Response) -> str:
    assert answer.status_code >= 400, answer.text
    return answer.json()["type"].rpartition("/")[2]


def test_a_role_deleted_and_given_at_once_is_never_held_by_anybody_when_it_is_gone(
    world: World, labs: Account
) -> None:
    for number in range(6):
        role = world.role(labs, f"race-{number}", {"audit": "read-only"}, "Race")
        address = world.address("racer")
        invited, deleted = _both(
            labs.api,
            ("POST", "/api/invitations", {"email": address, "roleID": role}),
            ("DELETE", f"/api/roles/{role}", None),
        )
        assert {invited, deleted} in ({201, 409}, {400, 204}), (invited, deleted)


def _both(api: Api, *acts: tuple[str, str, dict[str, str] | None]) -> list[int]:
    def send(act: tuple[str, str, dict[str, str] | None]) -> int:
        method, path, body = act
        answer = api.delete(path) if method == "DELETE" else api.post(path, body)
        return answer.status_code

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(send, acts))
