"""Headers both ways: version, request id, content types, entity tags, and those that protect."""

import pytest

from domicile.web.problems import CODES
from tests.support.world import Account, World


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Example Labs")


@pytest.mark.parametrize("version", [None, "", "v2", "V1", "v1.0", "v1, v1"])
def test_without_the_version_header_every_request_is_refused_by_its_name(
    world: World, labs: Account, version: str | None
) -> None:
    headers = {} if version is None else {"Api-Version": version}
    for method, path in (("GET", "/api/whoami"), ("POST", "/api/accounts"), ("GET", "/api/nothing")):
        answer = world.server.client.request(
            method, path, headers={"Authorization": str(labs.api.authorization), **headers}
        )
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Api-Version" in answer.json()["message"]
        assert answer.json()["fields"].keys() == {"Api-Version"}


def test_no_spelling_of_a_path_goes_around_the_version_header(world: World, labs: Account) -> None:
    headers = {"Authorization": str(labs.api.authorization)}
    for path in ("//api/users", "/./api/users", "/%61pi/users", "/x/../api/users", "/api", "/API/users"):
        answer = world.server.client.request("GET", world.server.url + path, headers=headers)
        assert answer.status_code in {400, 404}, (path, answer.text)


def test_outside_the_api_no_version_is_asked_for(world: World) -> None:
    for path in ("/healthz", "/readyz", "/.well-known/domicile", "/openapi.json"):
        assert world.server.client.get(path).status_code == 200


def test_a_harmless_request_id_is_echoed_and_names_the_problem(world: World) -> None:
    answer = world.anyone.get("/api/nothing", headers={"X-Request-Id": "trace-1.2_3"})
    assert answer.headers.get_list("x-request-id") == ["trace-1.2_3"]
    assert answer.json()["instance"] == "urn:request:trace-1.2_3"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, 'a"b', "a;b", "é", "<script>"])
def test_any_other_request_id_is_replaced(world: World, sent: str) -> None:
    answer = world.server.client.get(
        "/api/regions", headers=[(b"Api-Version", b"v1"), (b"X-Request-Id", sent.encode("latin-1"))]
    )
    assert answer.status_code == 200
    (made,) = answer.headers.get_list("x-request-id")
    assert made != sent and made.isalnum()


def test_a_request_id_is_in_the_audit_event_of_its_change(labs: Account) -> None:
    labs.api.send(
        "POST", f"/api/accounts/{labs.id}", {"alias": "Traced"}, headers={"X-Request-Id": "traced-request"}
    )
    newest = labs.api.call("GET", "/api/logs?limit=1")["logs"][0]
    assert (newest["type"], newest["requestID"]) == ("audit.account_updated.v1", "traced-request")
    assert newest["sourceAddress"] == "127.0.0.1"


@pytest.mark.parametrize(
    "sent", ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"]
)
def test_a_content_type_with_a_charset_is_taken_on_every_method(labs: Account, sent: str) -> None:
    assert labs.api.get("/api/whoami", headers={"Content-Type": sent}).status_code == 200
    assert labs.api.get("/api/users", headers={"Content-Type": sent}).status_code == 200
    changed = labs.api.send(
        "POST", f"/api/accounts/{labs.id}", content=b'{"alias":"Caf\xc3\xa9"}', headers={"Content-Type": sent}
    )
    assert changed.status_code == 200
    assert changed.json()["alias"] == "Café"


def test_an_unknown_path_is_a_problem_and_a_wrong_method_names_the_right_ones(
    world: World, labs: Account
) -> None:
    for path in ("/api/nothing", "/api/users/a/b", "/api", "/nothing"):
        answer = labs.api.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["fields"] == {}
    for method, path, allowed in (
        ("DELETE", "/api/whoami", {"GET"}),
        ("PUT", f"/api/accounts/{labs.id}", {"GET", "POST", "DELETE"}),
        ("PATCH", "/api/me", {"DELETE", "GET", "POST"}),
        ("GET", "/api/invitations/accept", {"POST"}),
    ):
        answer = labs.api.send(method, path)
        assert answer.status_code == 405, (method, path, answer.text)
        assert set(answer.headers["allow"].replace(" ", "").split(",")) - {"OPTIONS", "HEAD"} == allowed
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 405


def test_a_problem_has_all_its_members(world: World, labs: Account) -> None:
    for answer in (
        labs.api.get("/api/nothing"),
        world.anyone.get("/api/whoami"),
        labs.api.post("/api/apikeys", {}),
        labs.api.post("/api/apikeys", content=b"{"),
        world.server.client.get("/api/whoami"),
    ):
        body = answer.json()
        assert body.keys() >= {"message", "fields", "type", "title", "status", "detail", "instance"}
        assert isinstance(body["fields"], dict)
        assert body["status"] == answer.status_code
        assert body["message"] == body["detail"]
        assert body["type"].startswith(f"{world.server.url}/problems/")
        assert body["instance"] == f"urn:request:{answer.headers['x-request-id']}"
        assert answer.headers["content-type"] == "application/problem+json"


def test_every_kind_of_answer_carries_the_protecting_headers(world: World, labs: Account) -> None:
    for answer in (
        labs.api.get("/api/whoami"),
        labs.api.get(f"/api/accounts/{labs.id}"),
        world.anyone.get("/api/whoami"),
        world.server.client.get("/api/whoami"),
        labs.api.get("/api/nothing"),
        labs.api.delete("/api/whoami"),
        labs.api.post("/api/access/check", {"action": "identity:user:read"}),
        world.anyone.get("/healthz"),
    ):
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers
        for name in headers:
            assert len(headers.get_list(name)) == 1, name


def test_an_item_has_an_entity_tag_and_a_stale_one_is_refused(world: World, labs: Account) -> None:
    key = world.key(labs.api)
    guest = world.person("Gus Guest")
    world.join(labs, guest)
    invited = {"email": world.address("later"), "roleID": "read-only"}
    invitation = labs.api.call("POST", "/api/invitations", invited, status=201)
    changes = {
        f"/api/accounts/{labs.id}": ({"alias": "One"}, {"alias": "Two"}),
        f"/api/apikeys/{key.id}": ({"alias": "One"}, {"alias": "Two"}),
        f"/api/users/{guest.id}": ({"state": "disabled"}, {"state": "enabled"}),
        f"/api/invitations/{invitation['id']}": ({"roleID": "full-access"}, {"roleID": "read-only"}),
    }
    for path, (first, second) in changes.items():
        read = labs.api.get(path).headers["etag"]
        assert read.startswith('"') and read.endswith('"')
        done = labs.api.post(path, first, headers={"If-Match": read})
        assert done.status_code == 200, path
        assert done.headers["etag"] == labs.api.get(path).headers["etag"] != read
        before = labs.api.get(path).json()
        for stale in (read, '"nonsense"', f'{read}, "other"'):
            refused = labs.api.post(path, second, headers={"If-Match": stale})
            assert refused.status_code == 412, path
            assert refused.json()["type"].endswith("/problems/stale-version")
        if not path.startswith("/api/accounts"):
            assert labs.api.delete(path, headers={"If-Match": read}).status_code == 412
        assert labs.api.get(path).json() == before
        now = done.headers["etag"]
        assert labs.api.post(path, second, headers={"If-Match": f'"other", {now}'}).status_code == 200
        assert labs.api.post(path, first, headers={"If-Match": "*"}).status_code == 200


def test_a_persons_profile_has_an_entity_tag_too(world: World) -> None:
    person = world.person()
    read = person.api.get("/api/me").headers["etag"]
    assert person.api.post("/api/me", {"name": "New Name"}, headers={"If-Match": read}).status_code == 200
    assert person.api.post("/api/me", {"name": "Newer"}, headers={"If-Match": read}).status_code == 412
    assert person.api.call("GET", "/api/me")["name"] == "New Name"


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_type_of_every_problem_leads_to_a_page_about_it(world: World, code: str) -> None:
    page = world.server.client.get(f"/problems/{code}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert code in page.text
