"""Links in mails and what headers claim: nothing that a caller sends decides where a link leads or who is said to call."""

import re

import pytest

from tests.support.world import PASSWORD, Account, World, until


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


_CLAIMS = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.66",
    "Forwarded": "for=203.0.113.66;host=evil.example;proto=https",
    "X-Real-IP": "203.0.113.66",
    "X-Original-URL": "/api/me",
    "X-HTTP-Method-Override": "DELETE",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}


def test_links_are_built_from_the_configuration_whatever_the_headers_say(world: World, labs: Account) -> None:
    new, invited = world.address("new"), world.address("invited")
    wanted = {"email": new, "name": "New", "password": PASSWORD}
    world.anyone.call("POST", "/api/signup", wanted, status=202, headers=_CLAIMS)
    forgot = {"email": labs.owner.email}
    world.anyone.call("POST", "/api/password/forgot", forgot, status=202, headers=_CLAIMS)
    body = {"email": invited, "roleID": "read-only"}
    labs.api.call("POST", "/api/invitations", body, status=201, headers=_CLAIMS)
    wished = world.address("wished")
    change = {"email": wished, "password": PASSWORD}
    labs.owner.api.call("POST", "/api/me/email", change, status=202, headers=_CLAIMS)
    sent = [(new, "verify"), (labs.owner.email, "reset"), (invited, "join"), (wished, "email/verify")]
    for address, kind in [*sent, (labs.owner.email, "email/undo")]:
        world.token_to(address, kind)
        text = world.mails_to(address)[-1]
        links = re.findall(r"https?://[^/\s]+", text)
        assert set(links) == {world.server.url}
        assert "evil" not in text


def test_the_caller_is_the_one_at_the_other_end_of_the_connection(world: World, labs: Account) -> None:
    key = world.key(labs.api, allowedIPs=["203.0.113.66"])
    assert key.api.get("/api/users", headers=_CLAIMS).status_code == 403
    labs.api.call("POST", f"/api/accounts/{labs.id}", {"alias": "Claimed"}, headers=_CLAIMS)
    newest = labs.api.call("GET", "/api/logs?limit=1")["logs"][0]
    assert newest["sourceAddress"] == "127.0.0.1"


def test_no_answer_repeats_the_host_that_was_claimed(world: World, labs: Account) -> None:
    for path in ("/.well-known/domicile", "/api/regions", "/openapi.json", "/api/nothing"):
        answer = labs.api.get(path, headers=_CLAIMS)
        assert "evil.example" not in answer.text
        assert "evil.example" not in str(answer.headers)
    entered = labs.owner.api.call("POST", f"/api/accounts/{labs.id}/token", status=201, headers=_CLAIMS)
    assert entered["baseURL"] == world.server.url


def test_opening_the_links_of_mails_uses_nothing_up(world: World, labs: Account) -> None:
    address = world.address("scanned")
    wanted = {"email": address, "name": "Scanned", "password": PASSWORD}
    world.anyone.call("POST", "/api/signup", wanted, status=202)
    verify = world.token_to(address, "verify")
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        assert world.anyone.send(method, f"/verify/{verify}").status_code < 500
    world.anyone.call("POST", "/api/signup/verify", {"token": verify})
    person = world.sign_in(address)
    join = world.invite(labs.api, address)
    for method in ("GET", "HEAD", "GET", "OPTIONS"):
        assert world.anyone.send(method, f"/join/{join}").status_code < 500
    for _ in range(3):
        world.anyone.call("POST", "/api/invitations/preview", {"token": join})
    person.call("POST", "/api/invitations/accept", {"token": join})
    new = world.address("new")
    person.call("POST", "/api/me/email", {"email": new, "password": PASSWORD}, status=202)
    prove, undo = world.token_to(new, "email/verify"), world.token_to(address, "email/undo")
    for path in (f"/email/verify/{prove}", f"/email/undo/{undo}"):
        for method in ("GET", "HEAD", "GET", "OPTIONS"):
            assert world.anyone.send(method, path).status_code < 500
    world.anyone.call("POST", "/api/email/verify", {"token": prove}, status=204)
    world.anyone.call("POST", "/api/email/undo", {"token": undo}, status=204)


def test_a_link_leads_nowhere_for_any_other_purpose(world: World, labs: Account) -> None:
    address = world.address("mixed")
    wanted = {"email": address, "name": "Mixed", "password": PASSWORD}
    world.anyone.call("POST", "/api/signup", wanted, status=202)
    verify = world.token_to(address, "verify")
    join = world.invite(labs.api, address)
    world.anyone.call("POST", "/api/password/forgot", {"email": labs.owner.email}, status=202)
    reset = world.token_to(labs.owner.email, "reset")
    for token in (join, reset, join.rpartition(".")[2]):
        assert world.anyone.post("/api/signup/verify", {"token": token}).status_code == 400
    for token in (join, reset, verify, "", "x" * 10_000, "\u2603"):
        for path in ("/api/email/verify", "/api/email/undo"):
            assert world.anyone.post(path, {"token": token}).json()["type"].endswith("/link-invalid")
    for token in (join, verify):
        body = {"token": token, "password": "a long enough password"}
        assert world.anyone.post("/api/password/reset", body).status_code == 400
    stem = join.rpartition(".")[0]
    for token in (
        verify,
        reset,
        f"{stem}.{verify}",
        join.replace("de-1", "us-1"),
        join.replace("de-1", "xx-9"),
        join[:-1],
    ):
        assert world.anyone.post("/api/invitations/preview", {"token": token}).status_code == 404
        assert labs.owner.api.post("/api/invitations/accept", {"token": token}).status_code == 404


def test_an_invitation_sent_again_kills_the_link_before_and_lives_its_full_time(own_world: World) -> None:
    labs = own_world.account(own_world.person("Ann Example"))
    grace = own_world.person("Grace Example")
    first = own_world.invite(labs.api, grace.email)
    own_world.server.clock.advance(days=7)
    session = own_world.sign_in(grace.email)
    assert session.post("/api/invitations/accept", {"token": first}).status_code == 404
    owner = own_world.sign_in(labs.owner.email)
    entered = owner.call("POST", f"/api/accounts/{labs.id}/token", status=201)
    inside = own_world.anyone.with_(f"Bearer {entered['token']}")
    (invitation,) = inside.call("GET", "/api/invitations?state=expired")["invitations"]
    sent = inside.call("POST", f"/api/invitations/{invitation['id']}/send")
    assert (sent["state"], sent["expiry"]) == ("invited", "2026-12-07T14:00:00Z")
    second = own_world.token_to(grace.email, "join")
    assert session.post("/api/invitations/accept", {"token": first}).status_code == 404
    session.call("POST", "/api/invitations/accept", {"token": second})


def test_a_mail_shows_the_names_that_people_typed_as_text_and_nothing_more(world: World) -> None:
    owner = world.person("Ann <script>alert(1)</script>", address=world.address("ann"))
    account = world.account(owner, "de-1", "Labs & <b>Sons</b> {{7*7}} %s")
    address = world.address("reader")
    world.invite(account.api, address)
    until(lambda: world.mails_to(address), bool)
    assert "{{7*7}} %s" in world.mails_to(address)[0]
    page = world.html_to(address)
    assert "<script" not in page
    assert "&lt;b&gt;Sons&lt;/b&gt;" in page
