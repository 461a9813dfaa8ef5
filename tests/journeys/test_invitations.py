"""Invitations over HTTP: handed over, sent again after their end, many at once, found, accepted and declined by whom they are for."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.stored import everything
from tests.support.world import Account, World, until


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def _token(link: str) -> str:
    return link.rpartition("/")[2]


def _problem(answer: Any) -> str:  # noqa: ANN401  # of any client
    return answer.json()["type"].rpartition("/")[2]


def test_a_link_is_in_the_answer_once_and_in_no_other(world: World, labs: Account) -> None:
    grace = world.person("Grace Example")
    body = {"email": grace.email, "roleID": "read-only", "delivery": "link"}
    made = labs.api.post("/api/invitations", body, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    shown = made.json()
    link = shown.pop("link")
    assert link.startswith(f"{world.server.url}/join/de-1.{labs.id}.")
    assert shown["delivery"] == "link"

    path = f"/api/invitations/{shown['id']}"
    secret = _token(link).rpartition(".")[2]
    again = labs.api.post("/api/invitations", body, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json()) == (201, shown)
    answers = [
        labs.api.get(path),
        labs.api.get("/api/invitations?limit=250"),
        labs.api.post(path, {"roleID": "full-access"}),
        labs.api.get("/api/logs?limit=250"),
        world.anyone.post("/api/invitations/preview", {"token": _token(link)}),
        grace.api.get("/api/me/invitations"),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert secret not in answer.text
        assert "link" not in answer.text.replace('"delivery":"link"', "")
    assert secret not in repr(everything(world.server, "invitations", "outbox", "audit_events"))
    assert [text for text in world.mails_to(grace.email) if "/join/" in text] == []

    joined = grace.api.call("POST", "/api/invitations/accept", {"token": _token(link)})
    assert (joined["accountID"], joined["roleID"]) == (labs.id, "full-access")


def test_what_a_link_opens_does_not_say_which_address_it_is_for(world: World, labs: Account) -> None:
    address = world.address("secretive")
    token = world.invite(labs.api, address)
    mallory = world.person("Mallory Example")
    answers = [
        world.anyone.post("/api/invitations/preview", {"token": token}),
        mallory.api.post("/api/invitations/accept", {"token": token}),
        mallory.api.post("/api/invitations/decline", {"token": token}),
        world.server.client.get(f"/join/{token}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 403, 403, 200]
    assert not [answer for answer in answers if address in answer.text]
    offered = answers[0].json()
    assert (offered["alias"], offered["roleName"], offered["inviter"]) == ("Labs", "Read only", "Ann Example")


def test_an_expired_invitation_is_sent_again_by_either_way_and_lives_its_full_time(own_world: World) -> None:
    labs = own_world.account(own_world.person("Ann Example"))
    grace = own_world.person("Grace Example")
    dead = own_world.invite(labs.api, grace.email)
    for delivery, day in (("link", "2026-12-08"), ("mail", "2026-12-16")):
        own_world.server.clock.advance(days=8)
        session, inside = _afresh(own_world, labs, grace.email)
        assert session.post("/api/invitations/accept", {"token": dead}).status_code == 404
        assert session.call("GET", "/api/me/invitations")["invitations"] == []
        (expired,) = inside.call("GET", "/api/invitations?state=expired")["invitations"]
        sent = inside.call("POST", f"/api/invitations/{expired['id']}/send", {"delivery": delivery})
        assert (sent["state"], sent["expiry"]) == ("invited", f"{day}T14:00:00Z")
        assert ("link" in sent) == (delivery == "link")
        dead = _token(sent["link"]) if delivery == "link" else own_world.token_to(grace.email, "join")
    session.call("POST", "/api/invitations/accept", {"token": dead})


def _afresh(world: World, account: Account, guest: str) -> tuple[Api, Api]:
    """Sign guest and owner in again; gives the guest's session and the owner's way in."""
    entered = world.sign_in(account.owner.email).call("POST", f"/api/accounts/{account.id}/token", status=201)
    return world.sign_in(guest), world.anyone.with_(f"Bearer {entered['token']}")


def test_an_expired_invitation_whose_place_was_taken_says_so(own_world: World) -> None:
    labs = own_world.account(own_world.person("Ann Example"))
    address = own_world.address("late")
    own_world.invite(labs.api, address)
    own_world.server.clock.advance(days=8)
    _, inside = _afresh(own_world, labs, labs.owner.email)
    (old,) = inside.call("GET", "/api/invitations?state=expired")["invitations"]
    inside.call("POST", "/api/invitations", {"email": address, "roleID": "read-only"}, status=201)
    refused = inside.post(f"/api/invitations/{old['id']}/send", {"delivery": "link"})
    assert (refused.status_code, _problem(refused)) == (409, "invitation-closed")
    assert "another one took its place" in refused.json()["message"]


def test_a_person_finds_what_waits_for_them_in_all_regions_and_answers_it(world: World) -> None:
    grace = world.person("Grace Example")
    accounts = {
        region: world.account(world.person(f"Owner of {region}"), region, f"Works in {region}")
        for region in ("us-1", "de-1", "jp-1")
    }
    for account in accounts.values():
        world.invite(account.api, grace.email.upper())
    found = grace.api.call("GET", "/api/me/invitations")
    assert found["elsewhere"] == []
    listed = {each["region"]: each for each in found["invitations"]}
    assert list(listed) == ["us-1", "de-1", "jp-1"]
    for region, each in listed.items():
        assert each["accountID"] == accounts[region].id
        assert (each["alias"], each["inviter"]) == (f"Works in {region}", f"Owner of {region}")
        assert (each["roleID"], each["roleName"]) == ("read-only", "Read only")
        assert each["ref"] == f"{region}.{accounts[region].id}.{each['ref'][-32:]}"

    path = "/api/me/invitations/{}/{}"
    joined = grace.api.call("POST", path.format(listed["de-1"]["ref"], "accept"))
    assert (joined["accountID"], joined["baseURL"]) == (accounts["de-1"].id, world.server.url)
    assert world.enter(grace, accounts["de-1"].id).get("/api/users").status_code == 200
    grace.api.call("POST", path.format(listed["us-1"]["ref"], "decline"), status=204)
    (declined,) = accounts["us-1"].api.call("GET", "/api/invitations?state=declined")["invitations"]
    assert declined["email"].lower() == grace.email
    newest = accounts["us-1"].api.call("GET", "/api/logs?limit=1")["logs"][0]
    assert (newest["type"], newest["details"]["state"]) == ("audit.invitation_updated.v1", "declined")
    assert newest["principalURN"].endswith(f"user/{grace.id}")
    left = grace.api.call("GET", "/api/me/invitations")["invitations"]
    assert [each["region"] for each in left] == ["jp-1"]

    for act, ref in (("accept", "us-1"), ("decline", "us-1")):
        again = grace.api.post(path.format(listed[ref]["ref"], act))
        assert (again.status_code, _problem(again)) == (404, "invitation-invalid")
    used = grace.api.post(path.format(listed["de-1"]["ref"], "accept"))
    assert (used.status_code, _problem(used)) == (409, "invitation-used")
    closed = accounts["us-1"].api.post(f"/api/invitations/{declined['id']}/send")
    assert (closed.status_code, _problem(closed)) == (409, "invitation-closed")
    assert "was declined" in closed.json()["message"]
    world.invite(accounts["us-1"].api, grace.email)


def test_nothing_of_an_invitation_is_outside_its_region(world: World, labs: Account) -> None:
    address = world.address("kept.in.region")
    world.invite(labs.api, address)
    person = world.person("Kept Inside", address=address)
    person.api.call("GET", "/api/me/invitations")
    rows = everything(world.server, "invitations", "invitation_mails", "outbox", "directory_feed")
    holding = [table for table, found in rows.items() if address in repr(found)]
    assert holding == ["de-1 invitations"]


def test_a_list_is_answered_entry_by_entry_and_a_misshapen_one_as_a_whole(
    world: World, labs: Account
) -> None:
    good, other = world.address("good"), world.address("other")
    entries = [
        {"email": good, "roleID": "read-only", "locale": "ja"},
        {"email": "=1+1", "roleID": "No Role"},
        {"email": f" {good.upper()} ", "roleID": "read-only"},
        {"email": labs.owner.email, "roleID": "read-only"},
        {"email": other, "roleID": "read-only", "locale": "xx"},
    ]
    answer = labs.api.call("POST", "/api/invitations/bulk", {"invitations": entries})
    assert (answer["created"], answer["refused"]) == (1, 4)
    first, *rest = answer["results"]
    assert first["invitation"]["email"] == good
    assert first["invitation"]["locale"] == "ja"
    assert [each["problem"]["code"] for each in rest] == [
        "invalid-input",
        "invitation-repeated",
        "already-member",
        "invalid-input",
    ]
    assert rest[0]["problem"]["fields"].keys() == {"email", "roleID"}
    assert rest[3]["problem"]["fields"].keys() == {"locale"}
    for each in rest:
        assert each["problem"]["type"] == f"{world.server.url}/problems/{each['problem']['code']}"
    until(lambda: world.mails_to(good), bool)
    assert "アカウント" in world.mails_to(good)[0]
    token = world.token_to(good, "join")
    world.person("Good Guest", address=good).api.call("POST", "/api/invitations/accept", {"token": token})

    before = everything(world.server, "invitations", "audit_events")
    misshapen: list[dict[str, Any]] = [
        {"invitations": []},
        {"invitations": [{"email": other, "roleID": "read-only"}] * 1001},
        {"invitations": [{"email": other}]},
        {"invitations": [{"email": other, "roleID": "read-only", "state": "accepted"}]},
        {"invitations": ["x"]},
        {"invitations": [{"email": other, "roleID": "read-only"}], "delivery": "pigeon"},
        {},
    ]
    for body in misshapen:
        refused = labs.api.post("/api/invitations/bulk", body)
        assert refused.status_code == 400, refused.text
        assert refused.json()["fields"]
    assert everything(world.server, "invitations", "audit_events") == before


def test_a_thousand_invitations_in_one_request_leave_others_their_turn(world: World) -> None:
    crowd = world.account(world.person("Crowd Owner"), "jp-1", "Crowd")
    entries = [
        {"email": f"someone.with.a.long.name.{number}@department.example.com", "roleID": "read-only"}
        for number in range(1000)
    ]
    slowest = max(_answer_times(world, crowd, {"invitations": entries, "delivery": "link"}))
    assert slowest < 5.0


def _answer_times(world: World, account: Account, body: dict[str, Any]) -> Iterator[float]:
    """Tell how long a small request takes, again and again while a large one is under way."""
    with ThreadPoolExecutor(1) as pool:
        large = pool.submit(account.api.call, "POST", "/api/invitations/bulk", body)
        while not large.done():
            begun = time.monotonic()
            account.api.call("GET", "/api/invitations?limit=1")
            yield time.monotonic() - begun
        answer = large.result()
    assert answer["created"] == 1000
    assert len({each["invitation"]["link"] for each in answer["results"]}) == 1000


def test_another_role_before_acceptance_is_the_one_that_counts_and_is_shown(
    world: World, labs: Account
) -> None:
    grace = world.person("Grace Example")
    token = world.invite(labs.api, grace.email)
    (waiting,) = grace.api.call("GET", "/api/me/invitations")["invitations"]
    labs.api.call("POST", f"/api/invitations/{waiting['ref'][-32:]}", {"roleID": "full-access"})
    (changed,) = grace.api.call("GET", "/api/me/invitations")["invitations"]
    assert (changed["roleID"], changed["roleName"]) == ("full-access", "Full access")
    assert grace.api.call("POST", "/api/invitations/accept", {"token": token})["roleID"] == "full-access"


def test_asking_for_mail_after_mail_ends_with_a_refusal_and_a_bounded_number_of_mails(
    own_world: World,
) -> None:
    labs = own_world.account(own_world.person("Ann Example"))
    address = own_world.address("flooded")
    own_world.invite(labs.api, address)
    (made,) = labs.api.call("GET", "/api/invitations")["invitations"]
    for _ in range(9):
        labs.api.call("POST", f"/api/invitations/{made['id']}/send")
        own_world.server.clock.advance(seconds=2)
        until(lambda: _due_rows(own_world), lambda due: due == 0)
    refused = labs.api.post(f"/api/invitations/{made['id']}/send")
    assert (refused.status_code, _problem(refused)) == (409, "invitation-sent-too-often")
    assert len(own_world.mails_to(address)) == 5


def _due_rows(world: World) -> int:
    """Count the rows that the worker has still to look at; one that was put off is not among them."""
    rows = everything(world.server, "outbox")["de-1 outbox"]
    return sum("address-mailed-too-often" not in repr(row) for row in rows)
