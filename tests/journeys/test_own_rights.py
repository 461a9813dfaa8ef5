"""A person's own rights over the wire: another address, taking data along, leaving; and the operator who keeps somebody out."""

import json
from typing import Any

import pytest

from domicile.apps.keeping_out import keep_out, keep_out_unless_last, let_in, show_person
from domicile.region.audit.store import audit_events
from tests.support.api import Api
from tests.support.stored import everything
from tests.support.world import PASSWORD, Person, World, until


@pytest.fixture
def ann(world: World) -> Person:
    return world.person("Ann Example")


def delete_me(person: Person, *, password: str = PASSWORD) -> Any:  # noqa: ANN401
    return person.api.send("DELETE", "/api/me", {"password": password})


def test_an_address_is_changed_and_every_account_follows(world: World, ann: Person):
    account = world.account(ann)
    new = world.address("ann.b")

    accepted = ann.api.call("POST", "/api/me/email", {"email": new, "password": PASSWORD}, status=202)
    assert accepted == {"state": "accepted"}
    assert ann.api.call("GET", "/api/me")["pendingEmail"] == new
    world.anyone.call("POST", "/api/email/verify", {"token": world.token_to(new, "email/verify")}, status=204)

    assert "pendingEmail" not in ann.api.call("GET", "/api/me")
    inside = world.enter(ann, account.id)
    assert [user["email"] for user in inside.call("GET", "/api/users")["users"]] == [new]
    assert account.api.get("/api/users").status_code == 401
    assert world.sign_in(new).call("GET", "/api/me")["email"] == new


def test_the_answer_is_the_same_for_an_address_that_is_known_and_one_that_is_not(world: World, ann: Person):
    known = world.person("Bob").email

    answers = [
        ann.api.post("/api/me/email", {"email": email, "password": PASSWORD})
        for email in (known, world.address("free"))
    ]

    assert len({(answer.status_code, answer.text) for answer in answers}) == 1


def test_a_wish_can_be_taken_back(world: World, ann: Person):
    new = world.address()
    ann.api.call("POST", "/api/me/email", {"email": new, "password": PASSWORD}, status=202)
    token = world.token_to(new, "email/verify")

    ann.api.call("DELETE", "/api/me/email", status=204)

    assert world.anyone.post("/api/email/verify", {"token": token}).json()["type"].endswith("/link-invalid")
    assert ann.api.delete("/api/me/email").status_code == 404


def test_the_former_address_takes_the_change_back_and_the_thief_is_out(world: World, ann: Person):
    account, thief = world.account(ann), world.sign_in(ann.email)
    new = world.address("thief")
    thief.call("POST", "/api/me/email", {"email": new, "password": PASSWORD}, status=202)
    world.anyone.call("POST", "/api/email/verify", {"token": world.token_to(new, "email/verify")}, status=204)
    world.token_to(ann.email, "email/undo")

    undo = {"token": world.token_to(ann.email, "email/undo")}
    world.anyone.call("POST", "/api/email/undo", undo, status=204)

    for api in (thief, ann.api, account.api):
        assert api.get("/api/whoami").status_code == 401
    better = "a pelican folds seven maps"
    reset = {"token": world.token_to(ann.email, "reset"), "password": better}
    world.anyone.call("POST", "/api/password/reset", reset, status=204)
    assert world.sign_in(ann.email, password=better).call("GET", "/api/me")["email"] == ann.email


def test_a_person_without_accounts_is_deleted_in_one_answer(world: World, ann: Person):
    answer = delete_me(ann)

    assert (answer.status_code, answer.json()["state"]) == (200, "deleted")
    assert ann.api.get("/api/me").status_code == 401
    assert world.anyone.post("/api/sessions", {"email": ann.email, "password": PASSWORD}).status_code == 401


def test_a_wrong_password_and_a_missing_one_delete_nobody(ann: Person):
    assert delete_me(ann, password="another horse altogether").json()["type"].endswith("/password-wrong")
    assert ann.api.delete("/api/me").status_code == 400
    assert ann.api.get("/api/me").status_code == 200


def test_the_last_owner_is_told_which_accounts_and_what_to_do(world: World, ann: Person):
    here, there = world.account(ann, "de-1", "Labs"), world.account(ann, "jp-1", "東京")

    answer = delete_me(ann)

    assert answer.status_code == 409
    problem = answer.json()
    assert problem["type"].endswith("/last-full-access-user")
    assert {(one["id"], one["region"], one["alias"]) for one in problem["accounts"]} == {
        (here.id, "de-1", "Labs"),
        (there.id, "jp-1", "東京"),
    }
    assert here.api.get("/api/users").status_code == 200
    assert ann.api.call("GET", "/api/me/deletion")["state"] == "refused"


def test_whoever_has_a_successor_everywhere_is_gone_everywhere_at_once(world: World, ann: Person):
    accounts = [world.account(ann, region) for region in ("de-1", "jp-1")]
    bob = world.person("Bob")
    of_bob = [world.join(account, bob, "full-access") for account in accounts]
    key = world.key(accounts[0].api)

    answer = delete_me(ann)

    assert (answer.status_code, answer.json()["state"]) == (200, "deleted")
    for account, inside in zip(accounts, of_bob, strict=True):
        assert account.api.get("/api/users").status_code == 401
        assert [user["id"] for user in inside.call("GET", "/api/users")["users"]] == [bob.id]
    logs = of_bob[0].call("GET", "/api/logs?limit=250")["logs"]
    assert [log["details"]["reason"] for log in logs if log["type"] == "audit.user_deleted.v1"] == [
        "user-deleted"
    ]
    assert ann.email not in json.dumps(logs)
    # A key is the account's.
    assert key.api.get("/api/users").status_code == 200


def test_the_address_registers_afresh_and_inherits_nothing(own_world: World):
    world = own_world
    ann, bob = world.person("Ann Example"), world.person("Bob")
    account = world.account(bob)
    world.join(account, ann)
    # Ann is nobody in this account, but known in its region.
    pending = world.account(bob)
    link = world.invite(pending.api, ann.email)
    assert delete_me(ann).status_code == 200

    again = world.person("Ann Again", address=ann.email)

    assert again.id != ann.id
    assert again.api.call("GET", "/api/accounts")["accounts"] == []
    assert world.anyone.with_(ann.api.authorization).get("/api/me").status_code == 401
    accepted = again.api.post("/api/invitations/accept", {"token": link})
    assert accepted.status_code == 404 and accepted.json()["type"].endswith("/invitation-invalid")
    (offer,) = pending.api.call("GET", "/api/invitations")["invitations"]
    assert (offer["state"], offer["email"]) == ("revoked", "")
    world.server.clock.advance(seconds=1)
    again.api.call("POST", "/api/invitations/accept", {"token": world.invite(pending.api, ann.email)})


def test_a_mail_that_is_still_to_be_sent_to_somebody_who_is_gone_is_not_a_fault(world: World, ann: Person):
    ann.api.call("POST", "/api/me/email", {"email": world.address(), "password": PASSWORD}, status=202)

    assert delete_me(ann).status_code == 200

    left = until(lambda: everything(world.server, "outbox"), lambda rows: not any(rows.values()))
    assert not any(left.values())


@pytest.fixture
def busy(world: World, ann: Person) -> Person:
    """Somebody with an account, a guest invited, a key made."""
    account = world.account(ann)
    world.invite(account.api, world.address("guest"))
    world.key(account.api)
    return ann


def test_the_export_holds_everything_that_identity_knows(world: World, busy: Person):
    answer = busy.api.post("/api/me/export", {"password": PASSWORD})

    assert answer.headers["content-disposition"] == 'attachment; filename="domicile-person.json"'
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["format"], body["version"]) == ("domicile-person-export", 1)
    assert body["profile"]["email"] == busy.email
    assert [place["roleID"] for place in body["memberships"]] == ["full-access"]
    assert {event["type"] for event in body["events"]} >= {
        "audit.user_created.v1",
        "audit.user-signed-in.v1",
        "audit.userData_exported.v1",
    }
    assert [part["region"] for part in body["regions"]] == ["de-1"]
    assert len(body["sessions"]) == 1
    assert PASSWORD not in answer.text and "argon2" not in answer.text


def test_each_region_makes_its_own_part_without_secrets(world: World, busy: Person):
    (part,) = busy.api.call("POST", "/api/me/export", {"password": PASSWORD})["regions"]

    answer = busy.api.get(part["href"])

    assert answer.headers["content-disposition"] == 'attachment; filename="domicile-de-1.json"'
    body = answer.json()
    (place,) = body["accounts"]
    assert place["membership"]["email"] == busy.email
    assert len(place["invitations"]) == 1 and len(place["apikeys"]) == 1
    assert "secret" not in place["apikeys"][0]
    types = [log["type"] for log in body["logs"]]
    assert {"audit.account_created.v1", "audit.apiKey_created.v1", "audit.userData_exported.v1"} <= set(types)
    assert {log["principalURN"].rpartition("/")[2] for log in body["logs"]} == {busy.id}


def test_a_region_where_one_is_nobody_has_nothing_to_tell(world: World, busy: Person):
    body = busy.api.call("GET", "/api/me/export/regions/jp-1")

    assert (body["accounts"], body["invited"], body["logs"]) == ([], [], [])
    assert busy.api.get("/api/me/export/regions/xx-9").status_code == 404


def test_an_export_wants_the_password_and_a_wrong_one_is_written_down(busy: Person):
    refused = busy.api.post("/api/me/export", {"password": "another horse altogether"})

    assert refused.json()["type"].endswith("/password-wrong")
    newest = busy.api.call("GET", "/api/me/events?limit=1")["events"][0]
    assert (newest["type"], newest["outcome"]) == ("audit.userData_exported.v1", "refused")


def test_a_region_wants_the_password_to_be_fresh(own_world: World):
    person = own_world.person()
    own_world.account(person)
    own_world.server.clock.advance(minutes=11)

    stale = person.api.get("/api/me/export/regions/de-1")
    assert stale.status_code == 403
    assert stale.json()["type"].endswith("/reauthentication-required")

    person.api.call("POST", "/api/me/export", {"password": PASSWORD})
    assert person.api.get("/api/me/export/regions/de-1").status_code == 200


def test_ten_thousand_events_are_exported_in_pieces(world: World, busy: Person):
    account = busy.api.call("GET", "/api/accounts")["accounts"][0]["id"]
    plane = world.server.node.doors.by_region["de-1"].plane  # pyright: ignore[reportArgumentType]
    rows = [
        {
            "account_id": account,
            "event_id": f"00000000-0000-7000-8000-{number:012d}",
            "at": plane.clock(),
            "type": "audit.account_entered.v1",
            "principal_kind": "user",
            "principal_id": busy.id,
            "outcome": "success",
            "request_id": f"request-{number}",
            "details": {},
            "seq": 1_000_000 + number,
            "personal": None,
            "salt": None,
            "commitment": b"",
            "leaf_hash": b"",
        }
        for number in range(10_000)
    ]
    world.server.run(plane.database.run_tx(lambda tx: tx.execute(tx.insert(audit_events), rows)))

    logs = busy.api.call("GET", "/api/me/export/regions/de-1")["logs"]

    assert len({log["eventID"] for log in logs}) == len(logs) > 10_000


def test_who_is_kept_out_by_the_platform_is_out_at_once_and_comes_back_with_every_role(
    world: World, ann: Person
):
    account, bob = world.account(ann), world.person("Bob")
    inside = world.join(account, bob)
    settings = world.server.settings

    user, _ = world.server.run(keep_out_unless_last(settings, bob.email, "lost laptop"))

    assert user.state == "disabled"
    assert bob.api.get("/api/me").status_code == 401
    until(lambda: inside.get("/api/users").status_code, lambda status: status == 401)
    refused = world.anyone.post("/api/sessions", {"email": bob.email, "password": PASSWORD})
    assert refused.json()["type"].endswith("/sign-in-failed")
    (shown,) = [one for one in account.api.call("GET", "/api/users")["users"] if one["id"] == bob.id]
    assert (shown["state"], shown["disabledByPlatform"]) == ("enabled", True)
    told = account.api.call("GET", f"/api/access/explain?principal=user/{bob.id}&action=identity:user:read")
    assert "disabled by the platform" in json.dumps(told)

    world.server.run(let_in(settings, bob.id, "found again"))
    api = world.sign_in(bob.email)
    listed: list[dict[str, Any]] = api.call("GET", "/api/accounts")["accounts"]
    assert [one["roleID"] for one in listed] == ["read-only"]
    events = api.call("GET", "/api/me/events")["events"]
    assert [event["details"] for event in events if event["type"] == "audit.user_disabled.v1"] == [
        {"reason": "lost laptop"}
    ]
    assert world.enter(Person(bob.name, bob.email, PASSWORD, bob.id, api), account.id)


def test_the_last_owner_is_kept_out_only_by_force(world: World, ann: Person):
    account = world.account(ann)
    settings = world.server.settings

    user, sole = world.server.run(keep_out_unless_last(settings, ann.email, "abuse"))
    assert user.state == "enabled"
    assert [(str(region), str(one)) for region, one in sole.accounts] == [("de-1", account.id)]

    user, _ = world.server.run(keep_out(settings, ann.email, "abuse"))
    assert user.state == "disabled"
    shown = world.server.run(show_person(settings, ann.id))
    assert (shown["state"], shown["regions"]) == ("disabled", ["de-1"])


def test_strangers_find_nothing_to_leave(world: World):
    stranger: Api = world.anyone
    for method, path in (("DELETE", "/api/me"), ("GET", "/api/me/deletion"), ("POST", "/api/me/export")):
        assert (
            stranger.send(method, path, {"password": PASSWORD} if method != "GET" else None).status_code
            == 401
        )
