"""What proxies ask is decided like everything else, said once and clearly, and told in headers that nobody else can fill."""

import pytest

from domicile.kernel.ids import RegionId
from domicile.region.access.forwarding import IDENTITY_HEADERS
from tests.support.api import Api
from tests.support.world import Account, World

FORWARD = "/api/access/forward/workload"
Pairs = list[tuple[str, str]]


def ask(api: Api, pairs: Pairs, *, method: str = "GET", path: str = FORWARD):
    """Ask as a proxy does: without a version, and with the client's credential."""
    credential = [("Authorization", api.authorization)] if api.authorization else []
    return api.client.request(method, api.client.base_url.join(path), headers=[*credential, *pairs])


def original(method: str, target: str) -> Pairs:
    return [("X-Original-Method", method), ("X-Original-URI", target)]


def told(answer) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {name.decode(): answer.headers[name.decode()] for name in IDENTITY_HEADERS}


def code(answer) -> str:
    return answer.json()["type"].rpartition("/")[2]


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def test_whoever_is_allowed_is_told_in_headers(world: World, labs: Account):
    guest = world.person("Gus Guest")
    inside = world.join(labs, guest)
    key = world.key(labs.api)

    person = told(ask(inside, original("GET", "/policies/etc?x=1")))
    program = told(ask(key.api, original("DELETE", "/policies/etc")))

    urn = f"urn:domicile:identity:de-1:{labs.id}"
    assert person == {
        "domicile-principal": f"{urn}:user/{guest.id}",
        "domicile-user": guest.id,
        "domicile-email": guest.email,
        "domicile-account": labs.id,
        "domicile-region": "de-1",
        "domicile-role": "read-only",
        "domicile-level": "read-only",
    }
    assert program["domicile-principal"] == f"{urn}:apikey/{key.id}"
    assert (program["domicile-user"], program["domicile-email"]) == ("", "")
    assert program["domicile-level"] == "full-access"


def test_the_first_answer_and_the_lean_one_are_alike(world: World, labs: Account):
    key = world.key(labs.api)
    answers = [ask(key.api, original("GET", "/policies")) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, answer.content) == (200, b"")
    heads = [{k: v for k, v in a.headers.items() if k != "x-request-id"} for a in answers]
    assert heads[0] == heads[1] == heads[2]
    assert heads[0]["cache-control"] == "no-store"


def test_the_ways_of_asking_of_three_proxies_are_one(world: World, labs: Account):
    reader = world.key(labs.api, "read-only").api
    for method, expected in (("GET", 200), ("POST", 403)):
        traefik = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", "/policies?a=1")]
        answers = [
            ask(reader, original(method, "/policies?a=1")),
            ask(reader, traefik),
            ask(reader, traefik, method="POST"),
            ask(reader, [], method=method, path=f"{FORWARD}/policies?a=1"),
            ask(reader, [*original(method, "/policies"), *traefik]),
        ]
        assert [answer.status_code for answer in answers] == [expected] * 5
    assert ask(reader, [], method="HEAD", path=f"{FORWARD}/policies").status_code == 200
    assert ask(reader, [], method="PUT", path=f"{FORWARD}/policies/etc").status_code == 403
    assert ask(reader, [], method="PROPFIND", path=f"{FORWARD}/policies").status_code == 403


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [("X-Original-URI", "/policies")],
        [("X-Original-Method", "GET")],
        [("X-Forwarded-Uri", "/policies")],
        [*original("GET", "/policies"), ("X-Original-URI", "/policies")],
        [*original("GET", "/policies"), ("X-Forwarded-Uri", "/me")],
        [*original("GET", "/policies"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/me")],
        [*original("POST", "/policies"), ("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/policies")],
    ],
)
def test_a_request_that_is_not_told_once_and_clearly_is_refused(labs: Account, pairs: Pairs):
    for _ in range(2):
        answer = ask(labs.api, pairs)
        assert (answer.status_code, code(answer)) == (400, "invalid-input")
        assert answer.json()["fields"]
    spoofed = ask(labs.api, original("GET", "/me"), path=f"{FORWARD}/policies")
    assert spoofed.status_code == 400


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/nothing",
        "/POLICIES",
        "/policies/../health",
        "/health/..%2fpolicies",
        "/policies//etc",
        "/policies/%2e%2e/me",
        "/policies;x/etc",
        "/policies/%00",
        "/policies/%c0%ae",
        "/policies/" + "a" * 5000,
        "policies",
    ],
)
def test_a_path_that_no_guard_fits_or_that_has_two_readings_is_refused(
    world: World, labs: Account, target: str
):
    for _ in range(2):
        answer = ask(labs.api, original("GET", target))
        assert (answer.status_code, code(answer)) == (403, "path-refused")
    assert ask(world.anyone, original("GET", target)).status_code == 401


def test_a_public_path_asks_nobody_and_tells_nothing(world: World, labs: Account):
    for api in (world.anyone, labs.api, world.anyone.with_("Bearer nonsense")):
        assert set(told(ask(api, original("GET", "/health"))).values()) == {""}
    assert ask(world.anyone, original("POST", "/health")).status_code == 401


def test_a_path_for_whoever_is_there_needs_a_place_and_no_level(world: World, labs: Account):
    world.role(labs, "clerk", {"billing": "read-only"}, "Clerk")
    clerk = world.key(labs.api, "clerk").api
    assert told(ask(clerk, original("GET", "/me")))["domicile-level"] == ""
    refused = ask(clerk, original("GET", "/policies"))
    assert (refused.status_code, code(refused)) == (403, "not-permitted")


def test_without_a_credential_that_counts_there_is_a_challenge_and_no_redirect(world: World, labs: Account):
    for api in (world.anyone, world.anyone.with_("Bearer nonsense"), world.anyone.with_("Basic YTpi")):
        answer = ask(api, original("GET", "/policies"))
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="domicile"')
        assert "location" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("domicile-")]
    session = ask(labs.owner.api, original("GET", "/policies"))
    assert (session.status_code, code(session)) == (403, "account-token-required")


def test_a_removal_counts_at_the_next_request(world: World, labs: Account):
    guest = world.person()
    inside = world.join(labs, guest, "full-access")
    assert [ask(inside, original("POST", "/policies")).status_code for _ in range(3)] == [200] * 3

    labs.api.call("POST", f"/api/users/{guest.id}", {"roleID": "read-only"})
    assert ask(inside, original("POST", "/policies")).status_code == 403
    assert ask(inside, original("GET", "/policies")).status_code == 200

    labs.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    assert ask(inside, original("GET", "/policies")).status_code == 401


def test_a_refused_change_is_in_the_audit_and_a_refused_reading_is_not(world: World):
    account = world.account(world.person())
    reader = world.key(account.api, "read-only")
    ask(reader.api, original("DELETE", "/policies/etc"))
    door = world.server.node.doors.by_region[RegionId("de-1")]
    world.server.run(door.refusals.write_down(door.plane))

    events = account.api.call("GET", "/api/logs?type=audit.access_refused.v1")["logs"]
    assert [event["details"]["action"] for event in events] == ["workload:policy:delete"]


def test_an_unknown_service_is_not_found(labs: Account):
    for name in ("nothing", "identity", "workload%2f", "WORKLOAD"):
        answer = ask(labs.api, original("GET", "/policies"), path=f"/api/access/forward/{name}")
        assert (answer.status_code, code(answer)) == (404, "not-found"), name
    assert (
        ask(labs.api, original("GET", "/policies"), path="/api/access/%66orward/workload").status_code == 400
    )


def test_a_key_bound_to_networks_is_judged_by_an_address_that_no_stranger_can_write(
    world: World, labs: Account
):
    key = world.key(labs.api, allowedCIDRs=["203.0.113.0/24"]).api
    for more in ([], [("X-Forwarded-For", "203.0.113.5")]):
        answer = ask(key, [*original("GET", "/policies"), *more])
        assert (answer.status_code, code(answer)) == (403, "address-not-allowed")
