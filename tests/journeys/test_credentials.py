"""What happens to credentials: rotated, locked, expired, outlived, and refused at the very next request."""

import base64
import json

import pytest

from tests.support.api import Api
from tests.support.world import Account, Key, Person, World, until


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def _status(api: Api, path: str = "/api/users") -> int:
    return api.get(path).status_code


def test_a_rotated_key_works_with_both_secrets_for_the_overlap_and_then_with_the_new_one_alone(
    own_world: World,
) -> None:
    owner = own_world.person()
    account = own_world.account(owner)
    key = own_world.key(account.api)
    rotated = account.api.call("POST", f"/api/apikeys/{key.id}/rotate", {"overlapSeconds": 3600})
    new = own_world.anyone.with_(f"ApiKey {key.id}:{rotated['secret']}")
    assert rotated["secret"] != key.secret
    assert rotated["formerSecretExpiry"] == "2026-11-23T15:00:00Z"
    assert (_status(key.api), _status(new)) == (200, 200)
    own_world.server.clock.advance(minutes=59, seconds=59)
    assert (_status(key.api), _status(new)) == (200, 200)
    own_world.server.clock.advance(seconds=1)
    assert (_status(key.api), _status(new)) == (401, 200)
    again = new.call("POST", f"/api/apikeys/{key.id}/rotate", {"overlapSeconds": 0})
    newest = own_world.anyone.with_(f"ApiKey {key.id}:{again['secret']}")
    assert (_status(key.api), _status(new), _status(newest)) == (401, 401, 200)


def test_a_rotation_without_a_body_has_an_overlap_of_a_day(world: World, labs: Account) -> None:
    key = world.key(labs.api)
    rotated = labs.api.call("POST", f"/api/apikeys/{key.id}/rotate")
    assert rotated["formerSecretExpiry"] == "2026-11-24T14:00:00Z"
    assert _status(key.api) == 200


def test_a_key_that_is_locked_deleted_or_narrowed_feels_it_at_its_next_request(
    world: World, labs: Account
) -> None:
    key = world.key(labs.api)
    path = f"/api/apikeys/{key.id}"
    for _ in range(5):
        assert _status(key.api) == 200
        labs.api.call("POST", path, {"enabled": False})
        assert _status(key.api) == 401
        labs.api.call("POST", path, {"enabled": True})
    invitation = {"email": world.address("late"), "roleID": "read-only"}
    assert _status(key.api) == 200
    labs.api.call("POST", path, {"roleID": "read-only"})
    assert key.api.post("/api/invitations", invitation).status_code == 403
    labs.api.call("POST", path, {"allowedIPs": ["192.0.2.1"]})
    assert _status(key.api) == 403
    labs.api.call("POST", path, {"allowedIPs": [], "allowedCIDRs": ["127.0.0.0/8"]})
    assert _status(key.api) == 200
    labs.api.call("DELETE", path, status=204)
    assert _status(key.api) == 401


def test_a_key_is_refused_from_the_moment_of_its_expiry(own_world: World) -> None:
    account = own_world.account(own_world.person())
    key = own_world.key(account.api, expiry="2026-11-23T14:05:00Z")
    own_world.server.clock.advance(minutes=4, seconds=59)
    assert _status(key.api) == 200
    own_world.server.clock.advance(seconds=1)
    assert _status(key.api) == 401


def test_a_removed_user_is_refused_at_the_next_request_on_every_credential_and_rejoins_with_a_fresh_start(
    world: World, labs: Account
) -> None:
    grace = world.person("Grace Example")
    inside = world.join(labs, grace, "full-access")
    second = world.enter(grace, labs.id)
    assert (_status(inside), _status(second)) == (200, 200)
    assert _status(grace.api, f"/api/accounts/{labs.id}") == 200

    labs.api.call("DELETE", f"/api/users/{grace.id}", status=204)
    assert (_status(inside), _status(second)) == (401, 401)
    assert _status(inside, "/api/whoami") == 401
    assert inside.post("/api/access/check", {"action": "identity:user:read"}).status_code == 401
    assert _status(grace.api, f"/api/accounts/{labs.id}") == 404
    assert grace.api.post(f"/api/accounts/{labs.id}/token").status_code == 404
    assert grace.api.call("GET", "/api/accounts") == {"accounts": []}
    assert _status(grace.api, "/api/me") == 200
    assert _status(labs.api, f"/api/users/{grace.id}") == 404

    rejoined = world.join(labs, grace, "read-only")
    assert rejoined.call("GET", "/api/whoami")["roleID"] == "read-only"
    assert rejoined.post(f"/api/accounts/{labs.id}", {"alias": "Hers"}).status_code == 403
    assert [account["roleID"] for account in grace.api.call("GET", "/api/accounts")["accounts"]] == [
        "read-only"
    ]


def test_a_disabled_user_is_out_of_this_account_alone_until_enabled_again(
    world: World, labs: Account
) -> None:
    grace = world.person("Grace Example")
    inside = world.join(labs, grace)
    own = world.account(grace, "jp-1", "Her own")
    labs.api.call("POST", f"/api/users/{grace.id}", {"state": "disabled"})
    assert _status(inside) == 401
    assert grace.api.post(f"/api/accounts/{labs.id}/token").status_code == 404
    assert [account["id"] for account in grace.api.call("GET", "/api/accounts")["accounts"]] == [own.id]
    assert _status(own.api) == 200
    labs.api.call("POST", f"/api/users/{grace.id}", {"state": "enabled"})
    assert _status(inside) == 200
    assert len(grace.api.call("GET", "/api/accounts")["accounts"]) == 2


def test_a_narrowed_role_counts_at_the_next_request_of_a_token_that_is_out_already(
    world: World, labs: Account
) -> None:
    grace = world.person("Grace Example")
    inside = world.join(labs, grace, "full-access")
    key = world.key(inside)
    labs.api.call("POST", f"/api/users/{grace.id}", {"roleID": "read-only"})
    assert inside.post("/api/apikeys", {"alias": "x", "roleID": "read-only"}).status_code == 403
    assert inside.call("GET", "/api/whoami")["roleID"] == "read-only"
    assert inside.call("POST", "/api/access/check", {"action": "identity:apikey:create"})["allowed"] is False
    assert _status(key.api) == 200


def test_the_last_full_access_user_cannot_be_removed_demoted_or_disabled_by_anyone(
    world: World,
) -> None:
    owner = world.person("Only Owner")
    account = world.account(owner)
    key = world.key(account.api)
    for api in (account.api, key.api):
        path = f"/api/users/{owner.id}"
        for refused in (
            api.post(path, {"roleID": "read-only"}),
            api.post(path, {"state": "disabled"}),
            api.post(path, {"roleID": "read-only", "state": "disabled"}),
            api.delete(path),
        ):
            assert refused.status_code == 409
            assert refused.json()["type"].endswith("/problems/last-full-access-user")
    helper = world.person("Second Owner")
    world.join(account, helper, "full-access")
    account.api.call("POST", f"/api/users/{helper.id}", {"state": "disabled"})
    assert account.api.delete(f"/api/users/{owner.id}").status_code == 409
    account.api.call("POST", f"/api/users/{helper.id}", {"state": "enabled"})
    account.api.call("DELETE", f"/api/users/{owner.id}", status=204)


def test_a_changed_password_ends_the_other_sessions_and_every_account_token(world: World) -> None:
    ann = world.person("Ann Example")
    accounts = [world.account(ann, region) for region in ("us-1", "de-1", "jp-1")]
    key = world.key(accounts[0].api)
    other = world.sign_in(ann.email)
    new = "seven quiet pelicans fold maps"
    wrong = ann.api.post("/api/me/password", {"currentPassword": "not it at all", "newPassword": new})
    assert wrong.status_code == 403
    body = {"currentPassword": ann.password, "newPassword": new}
    ann.api.call("POST", "/api/me/password", body, status=204)
    assert _status(other, "/api/me") == 401
    assert _status(ann.api, "/api/me") == 200
    for account in accounts:
        assert until(lambda account=account: _status(account.api), lambda status: status == 401)
        assert _status(world.enter(ann, account.id)) == 200
    assert _status(key.api) == 200
    old = world.anyone.post("/api/sessions", {"email": ann.email, "password": ann.password})
    assert old.status_code == 401
    world.sign_in(ann.email, password=new)


def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail_once(world: World) -> None:
    ann = world.person("Ann Forgetful")
    account = world.account(ann)
    world.anyone.call("POST", "/api/password/forgot", {"email": ann.email}, status=202)
    token = world.token_to(ann.email, "reset")
    new = "nine loud herons guard the mill"
    reset = {"token": token, "password": new}
    weak = world.anyone.post("/api/password/reset", {"token": token, "password": "short"})
    assert weak.status_code == 400
    world.anyone.call("POST", "/api/password/reset", reset, status=204)
    assert _status(ann.api, "/api/me") == 401
    assert until(lambda: _status(account.api), lambda status: status == 401)
    again = world.anyone.post("/api/password/reset", reset)
    assert again.status_code == 400
    assert again.json()["type"].endswith("/problems/link-invalid")
    world.sign_in(ann.email, password=new)


def test_nobody_is_written_to_at_an_address_that_is_not_known(world: World) -> None:
    address = world.address("nobody")
    known = world.person().email
    world.anyone.call("POST", "/api/password/forgot", {"email": address}, status=202)
    world.anyone.call("POST", "/api/password/forgot", {"email": known}, status=202)
    world.token_to(known, "reset")
    assert world.mails_to(address) == []


def test_a_session_ends_after_30_idle_minutes_and_lives_on_while_it_is_used(own_world: World) -> None:
    ann = own_world.person()
    idle = own_world.sign_in(ann.email)
    for _ in range(3):
        own_world.server.clock.advance(minutes=29)
        assert _status(ann.api, "/api/me") == 200
    assert _status(idle, "/api/me") == 401
    own_world.server.clock.advance(minutes=31)
    assert _status(ann.api, "/api/me") == 401


def test_a_session_ends_after_12_hours_however_much_it_is_used(own_world: World) -> None:
    ann = own_world.person()
    for _ in range(35):
        own_world.server.clock.advance(minutes=20)
        assert _status(ann.api, "/api/me") == 200
    own_world.server.clock.advance(minutes=20)
    assert _status(ann.api, "/api/me") == 401


def test_signing_out_ends_the_session_at_the_server(world: World) -> None:
    ann = world.person()
    other = world.sign_in(ann.email)
    other.call("DELETE", "/api/sessions/current", status=204)
    assert _status(other, "/api/me") == 401
    assert other.delete("/api/sessions/current").status_code == 401
    third = world.sign_in(ann.email)
    sessions = ann.api.call("GET", "/api/me/sessions")["sessions"]
    (theirs,) = [session["id"] for session in sessions if not session["current"]]
    ann.api.call("DELETE", f"/api/me/sessions/{theirs}", status=204)
    assert _status(third, "/api/me") == 401
    assert ann.api.delete(f"/api/me/sessions/{theirs}").status_code == 404


def test_an_account_token_lasts_ten_minutes_and_is_renewed_from_the_session(own_world: World) -> None:
    ann = own_world.person()
    account = own_world.account(ann)
    own_world.server.clock.advance(minutes=9, seconds=59)
    assert _status(account.api) == 200
    own_world.server.clock.advance(seconds=1)
    assert _status(account.api) == 401
    assert _status(own_world.enter(ann, account.id)) == 200


def test_a_token_of_one_region_with_a_part_changed_is_nobodys(labs: Account) -> None:
    scheme, token = str(labs.api.authorization).split(" ")
    head, claims, signature = token.split(".")
    turned = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    for forged in (
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{claims[:-1]}.{signature}",
        f"{head}.{claims}.{turned}",
    ):
        assert _status(labs.api.with_(f"{scheme} {forged}")) == 401


@pytest.mark.parametrize("crit", [1, None, [1], ["b64"], {}])
def test_a_token_with_any_critical_header_is_nobodys(labs: Account, crit: object) -> None:
    scheme, token = str(labs.api.authorization).split(" ")
    head, claims, signature = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**header, "crit": crit}).encode()).rstrip(b"=").decode()
    assert _status(labs.api.with_(f"{scheme} {changed}.{claims}.{signature}")) == 401


def _key_of(world: World, account: Account) -> Key:
    return world.key(account.api, "read-only")


def test_a_key_cannot_be_lifted_above_its_maker(world: World, labs: Account) -> None:
    reader = world.person("Rita Reader")
    inside = world.join(labs, reader)
    key = _key_of(world, labs)
    for api in (inside, key.api):
        assert api.post("/api/apikeys", {"alias": "up", "roleID": "full-access"}).status_code == 403
        assert api.post(f"/api/apikeys/{key.id}", {"roleID": "full-access"}).status_code == 403
        assert api.post(f"/api/apikeys/{key.id}/rotate").status_code == 403


def test_a_profile_change_reaches_the_member_cards_of_every_region(world: World) -> None:
    ann: Person = world.person("Ann Example")
    guest = world.person("Gus Guest")
    accounts = [world.account(ann, region) for region in ("us-1", "de-1", "jp-1")]
    for account in accounts:
        world.join(account, guest)
    change = {"name": "Augusta Guest", "locale": "ja", "timezone": "Asia/Tokyo"}
    guest.api.call("POST", "/api/me", change)
    for account in accounts:
        seen = until(
            lambda account=account: account.api.call("GET", f"/api/users/{guest.id}"),
            lambda user: user["name"] == "Augusta Guest",
        )
        assert (seen["locale"], seen["timezone"]) == ("ja", "Asia/Tokyo")
        entered = world.enter(guest, account.id)
        assert entered.call("GET", "/api/whoami")["name"] == "Augusta Guest"
