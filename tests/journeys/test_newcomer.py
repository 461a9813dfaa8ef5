"""The newcomer's journey: from the sign-up to a colleague who may read and is refused a change."""

from tests.support.world import PASSWORD, World


def test_a_newcomer_signs_up_creates_an_account_and_invites_a_reader_who_is_refused_a_change(
    world: World,
) -> None:
    ann_address, grace_address = world.address("ann"), world.address("grace")
    signed_up = {"email": ann_address, "name": "Ann Example", "password": PASSWORD}
    assert world.anyone.call("POST", "/api/signup", signed_up, status=202) == {"state": "accepted"}
    early = world.anyone.post("/api/sessions", {"email": ann_address, "password": PASSWORD})
    assert early.status_code == 401
    world.anyone.call("POST", "/api/signup/verify", {"token": world.token_to(ann_address, "verify")})
    ann = world.sign_in(ann_address)
    assert ann.call("GET", "/api/accounts") == {"accounts": []}

    account = ann.call("POST", "/api/accounts", {"alias": "Labs", "region": "jp-1"}, status=201)
    entered = ann.call("POST", f"/api/accounts/{account['id']}/token", status=201)
    inside = world.anyone.with_(f"Bearer {entered['token']}")
    assert (entered["region"], entered["roleID"]) == ("jp-1", "full-access")
    token = world.invite(inside, grace_address)
    offer = world.anyone.call("POST", "/api/invitations/preview", {"token": token})
    assert (offer["alias"], offer["region"], offer["roleID"], offer["inviter"]) == (
        "Labs",
        "jp-1",
        "read-only",
        "Ann Example",
    )

    grace = world.person("Grace Example", address=grace_address)
    joined = grace.api.call("POST", "/api/invitations/accept", {"token": token})
    assert joined["accountID"] == account["id"]
    (seen,) = grace.api.call("GET", "/api/accounts")["accounts"]
    assert (seen["alias"], seen["roleID"], seen["region"]) == ("Labs", "read-only", "jp-1")
    grace_inside = world.enter(grace, account["id"])
    assert {user["email"] for user in grace_inside.call("GET", "/api/users")["users"]} == {
        ann_address,
        grace_address,
    }
    refused = grace_inside.post(f"/api/accounts/{account['id']}", {"alias": "Mine"})
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("/problems/not-permitted")
    assert ann.call("GET", f"/api/accounts/{account['id']}")["alias"] == "Labs"


def test_what_was_created_a_moment_ago_is_listed_described_and_entered_at_once(world: World) -> None:
    ann = world.person()
    for number in range(10):
        made = ann.api.call(
            "POST", "/api/accounts", {"alias": f"Labs {number}", "region": "us-1"}, status=201
        )
        listed = [account["id"] for account in ann.api.call("GET", "/api/accounts")["accounts"]]
        assert made["id"] in listed
        assert ann.api.call("GET", f"/api/accounts/{made['id']}")["alias"] == f"Labs {number}"
        assert ann.api.post(f"/api/accounts/{made['id']}/token").status_code == 201
        ann.api.call("POST", f"/api/accounts/{made['id']}", {"alias": f"Renamed {number}"})
        aliases = [account["alias"] for account in ann.api.call("GET", "/api/accounts")["accounts"]]
        assert f"Renamed {number}" in aliases
