"""Commands over the wire: what they send, in which account, and how they show what comes back."""

import json

import pytest

from tests.cli.conftest import Run, entry
from tests.cli.peer import Peer

TOKEN = "POST /api/accounts/004217730956/token"
USERS = "GET /api/users?limit=250"


def account(number: str, alias: str) -> dict[str, str]:
    return {"id": number, "alias": alias, "region": "de-1", "roleID": "read-only", "state": "active"}


def test_every_request_names_the_version_of_the_api(run: Run, entered: Peer):
    entered.answer(USERS, 200, {"users": []})

    run("users", "list")

    assert {request.headers["Api-Version"] for request in entered.requests} == {"v1"}


def test_a_list_is_all_of_its_pages_joined(run: Run, signed_in: Peer):
    signed_in.answer(
        "GET /api/accounts?limit=250", 200, {"accounts": [account("000000000001", "A")], "next": "c1"}
    )
    signed_in.answer(
        "GET /api/accounts?limit=250&cursor=c1", 200, {"accounts": [account("000000000002", "B")]}
    )

    shown = json.loads(run("accounts", "list", "--json").out)

    assert shown == {"accounts": [account("000000000001", "A"), account("000000000002", "B")]}


def test_one_page_is_shown_as_it_came_with_the_way_to_the_next(run: Run, signed_in: Peer):
    page = {"accounts": [account("000000000001", "A")], "next": "c1"}
    signed_in.answer("GET /api/accounts?limit=1", 200, page)

    assert json.loads(run("accounts", "list", "--limit", "1", "--json").out) == page
    assert "--cursor c1" in run("accounts", "list", "--limit", "1").err


def test_an_empty_list_says_what_to_do_next(run: Run, signed_in: Peer):
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": []})

    assert "domicile accounts create" in run("accounts", "list").out


def test_a_piped_table_has_no_colour_and_keeps_ids_whole(run: Run, entered: Peer):
    user = {
        "id": "0190d2f0-9b7e-7cc0-8f1f-0a1b2c3d4e5f",
        "name": "A" * 120,
        "email": "a" * 60 + "@example.com",
    }
    entered.answer(USERS, 200, {"users": [user]})

    shown = run("users", "list").out

    assert "\x1b" not in shown
    assert user["id"] in shown
    assert user["email"] in shown


def test_a_name_cannot_steer_the_terminal_or_the_table(run: Run, entered: Peer):
    entered.answer(USERS, 200, {"users": [{"id": "u-1", "name": "\x1b[2J[bold]Eve[/bold]"}]})

    shown = run("users", "list").out

    assert "\x1b" not in shown
    assert "\\x1b[2J[bold]Eve[/bold]" in shown


def test_a_problem_is_told_with_its_fields_and_request_id(run: Run, signed_in: Peer):
    problem = {"message": "These fields need mending.", "fields": {"region": "there is no region xx-1"}}
    signed_in.answer("POST /api/accounts", 400, problem, X_Request_Id="req-7")

    ended = run("accounts", "create", "Labs", "--region", "xx-1")

    assert ended.code == 1
    assert ended.out == ""
    assert "These fields need mending." in ended.err
    assert "region: there is no region xx-1" in ended.err
    assert "req-7" in ended.err


def test_an_overloaded_server_is_told_with_when_to_come_back(run: Run, signed_in: Peer):
    signed_in.answer(
        "GET /api/accounts?limit=250", 429, {"message": "Too much.", "fields": {}}, Retry_After="7"
    )

    assert "Try again in 7 seconds." in run("accounts", "list").err


def test_a_session_that_ended_at_the_server_ends_with_three(run: Run, signed_in: Peer):
    signed_in.answer("GET /api/accounts?limit=250", 401, {"message": "The session has ended.", "fields": {}})

    assert run("accounts", "list").code == 3


def test_an_account_is_entered_once_and_its_token_used_again(run: Run, entered: Peer):
    entered.answer(USERS, 200, {"users": []})

    run("users", "list")
    run("users", "list")

    assert len(entered.sent(TOKEN)) == 1
    assert [sent.headers["Authorization"] for sent in entered.sent(USERS)] == ["Bearer entry-secret-1"] * 2


def test_a_token_that_is_refused_is_renewed_once(run: Run, entered: Peer):
    entered.answer(USERS, 401, {"message": "No longer valid.", "fields": {}})
    entered.answer(USERS, 200, {"users": []})

    assert run("users", "list").code == 0
    assert [sent.headers["Authorization"] for sent in entered.sent(USERS)] == [
        "Bearer entry-secret-1",
        "Bearer entry-secret-2",
    ]


def test_a_token_that_is_about_to_expire_is_not_used_again(run: Run, signed_in: Peer):
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": [account("004217730956", "Labs")]})
    signed_in.answer(TOKEN, 201, {**entry(signed_in, "entry-secret-1"), "expires": "2020-01-01T00:00:00Z"})
    signed_in.answer(USERS, 200, {"users": []})

    run("users", "list")
    run("users", "list")

    assert len(signed_in.sent(TOKEN)) == 2


def test_regional_calls_go_to_the_address_that_the_token_came_with(run: Run, signed_in: Peer):
    elsewhere = signed_in.url.replace("127.0.0.1", "localhost")
    signed_in.answer(TOKEN, 201, {**entry(signed_in, "entry-secret-1"), "baseURL": elsewhere})
    signed_in.answer(USERS, 200, {"users": []})

    assert run("users", "list", "--account", "004217730956").code == 0
    assert signed_in.sent(USERS)[0].headers["Host"].startswith("localhost")
    assert signed_in.sent(TOKEN)[0].headers["Host"].startswith("127.0.0.1")


def test_an_account_is_found_by_its_alias(run: Run, signed_in: Peer):
    both = [account("004217730956", "Labs"), account("000000000002", "Other")]
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": both})
    signed_in.answer(TOKEN, 201, entry(signed_in, "entry-secret-1"))
    signed_in.answer(USERS, 200, {"users": []})

    assert run("users", "list", "--account", "Labs").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "You have several accounts"),
        (["--account", "Twin"], "Several of your accounts are called 'Twin'"),
        (["--account", "Nobody"], "None of your accounts is called 'Nobody'"),
    ],
)
def test_an_account_that_is_not_clear_is_asked_for(
    run: Run, signed_in: Peer, arguments: list[str], said: str
):
    twins = [account("000000000001", "Twin"), account("000000000002", "Twin")]
    signed_in.answer("GET /api/accounts?limit=250", 200, {"accounts": twins})

    ended = run("users", "list", *arguments)

    assert ended.code == 2
    assert said in ended.err


def test_the_account_in_use_is_taken_where_none_is_named(run: Run, signed_in: Peer):
    signed_in.answer("GET /api/accounts/004217730956", 200, account("004217730956", "Labs"))
    signed_in.answer(TOKEN, 201, entry(signed_in, "entry-secret-1"))
    signed_in.answer(USERS, 200, {"users": []})

    assert run("accounts", "use", "004217730956").code == 0
    assert run("users", "list").code == 0


def test_an_api_key_in_the_environment_speaks_for_itself(
    run: Run, signed_in: Peer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DOMICILE_API_KEY", "dom_de-1_x:key-secret")
    signed_in.answer(USERS, 200, {"users": []})

    assert run("users", "list").code == 0
    assert signed_in.sent(USERS)[0].headers["Authorization"] == "ApiKey dom_de-1_x:key-secret"
    assert run("users", "list", "--account", "004217730956").code == 2


def test_a_malformed_api_key_is_refused_without_being_shown(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOMICILE_API_KEY", "key-secret")

    ended = run("users", "list")

    assert ended.code == 2
    assert "key-secret" not in ended.err


def test_a_user_may_be_named_by_email(run: Run, entered: Peer):
    entered.answer(USERS, 200, {"users": [{"id": "u-1", "email": "bob@example.com"}]})
    entered.answer("POST /api/users/u-1", 200, {"id": "u-1", "roleID": "read-only"})

    assert run("users", "set-role", "Bob@example.com", "read-only").code == 0
    assert entered.sent("POST /api/users/u-1")[0].body == {"roleID": "read-only"}


def test_an_id_stays_one_segment_of_the_path(run: Run, entered: Peer):
    run("users", "show", "../accounts?x")

    assert entered.requests[-1].path == "/api/users/..%2Faccounts%3Fx"


def test_an_invitation_is_accepted_with_the_whole_link(run: Run, signed_in: Peer):
    joined = {"accountID": "004217730956", "region": "de-1", "roleID": "read-only"}
    signed_in.answer("POST /api/invitations/accept", 200, joined)

    shown = run("invite", "accept", "http://localhost:8800/join/to-ken_1")

    assert signed_in.sent("POST /api/invitations/accept")[0].body == {"token": "to-ken_1"}
    assert "004217730956 in de-1, as read-only" in shown.out


def test_a_key_is_made_with_what_was_said_and_its_secret_shown_once(run: Run, entered: Peer):
    made = {"id": "dom_de-1_x", "alias": "robot", "secret": "key-secret"}
    entered.answer("POST /api/apikeys", 201, made)

    shown = run(
        "keys",
        "create",
        "robot",
        "--role",
        "read-only",
        "--allowed-ip",
        "192.0.2.1",
        "--allowed-ip",
        "2001:db8::1",
    )

    assert entered.sent("POST /api/apikeys")[0].body == {
        "alias": "robot",
        "roleID": "read-only",
        "allowedIPs": ["192.0.2.1", "2001:db8::1"],
    }
    assert "key-secret" in shown.out
    assert "not shown again" in shown.err


def test_a_key_is_locked_and_unlocked_and_its_lists_emptied(run: Run, entered: Peer):
    entered.answer("POST /api/apikeys/dom_x", 200, {"id": "dom_x"})

    run("keys", "lock", "dom_x")
    run("keys", "unlock", "dom_x")
    run("keys", "update", "dom_x", "--any-ip")

    assert [sent.body for sent in entered.sent("POST /api/apikeys/dom_x")] == [
        {"enabled": False},
        {"enabled": True},
        {"allowedIPs": []},
    ]


def test_a_role_is_made_of_levels_that_are_named_as_the_account_names_them(run: Run, entered: Peer):
    urn = "urn:domicile:identity:de-1:004217730956"
    entered.answer("GET /api/whoami", 200, {"principalURN": f"{urn}:user/u-1"})
    entered.answer("POST /api/roles", 201, {"id": "auditor"})

    ended = run("roles", "create", "auditor", "--name", "Auditor", "--grant", "identity=read-only")

    assert ended.code == 0
    assert entered.sent("POST /api/roles")[0].body == {
        "id": "auditor",
        "name": "Auditor",
        "serviceRoleURNs": [f"{urn}:role/read-only"],
    }


def test_a_grant_without_a_level_is_wrong_usage(run: Run, entered: Peer):
    entered.answer(
        "GET /api/whoami", 200, {"principalURN": "urn:domicile:identity:de-1:004217730956:user/u-1"}
    )

    ended = run("roles", "update", "auditor", "--grant", "identity")

    assert (ended.code, "service=level" in ended.err) == (2, True)
    assert not entered.sent("POST /api/roles/auditor")


def test_the_matrix_has_a_column_for_each_role(run: Run, entered: Peer):
    found = [{"id": "auditor", "permissions": ["audit:log:read"]}, {"id": "guest", "permissions": []}]
    entered.answer("GET /api/role-matrix", 200, {"services": [], "roles": found})

    lines = run("roles", "matrix").out.splitlines()

    assert lines[0].split() == ["Permission", "auditor", "guest"]
    assert lines[-1].split() == ["audit:log:read", "yes", "-"]


def test_what_was_deleted_prints_nothing_as_json(run: Run, entered: Peer):
    entered.answer("DELETE /api/apikeys/dom_x", 204)

    ended = run("keys", "delete", "dom_x", "--yes", "--json")

    assert (ended.code, ended.out) == (0, "")


def test_signing_in_again_keeps_the_account_in_use(run: Run, signed_in: Peer):
    signed_in.answer("GET /api/accounts/004217730956", 200, account("004217730956", "Labs"))
    signed_in.answer(TOKEN, 201, entry(signed_in, "entry-secret-1"))
    signed_in.answer(USERS, 200, {"users": []})
    run("accounts", "use", "004217730956")

    run("login", "ann@example.com", "--password-stdin", stdin="correct horse battery\n")

    assert run("users", "list").code == 0


def test_an_explanation_ends_with_the_verdict(run: Run, entered: Peer):
    steps = [
        {"rule": "account-active", "held": True, "fact": "the account is active"},
        {"rule": "role-permits", "held": False, "fact": "role read-only grants identity/read-only"},
    ]
    about = {
        "principalURN": "urn:domicile:identity:de-1:004217730956:user/u-1",
        "action": "identity:user:update",
    }
    entered.answer(USERS, 200, {"users": [{"id": "u-1", "email": "bob@example.com"}]})
    entered.answer(
        "GET /api/access/explain?action=identity%3Auser%3Aupdate&principal=user%2Fu-1",
        200,
        {**about, "allowed": False, "steps": steps},
    )

    shown = run("explain", "identity:user:update", "--principal", "bob@example.com")

    assert "role read-only grants identity/read-only" in shown.out
    assert "user/u-1: refused" in shown.out


def test_regions_are_shown_to_whoever_asks(run: Run, peer: Peer):
    region = {"id": "de-1", "name": "Germany", "baseURL": peer.url, "open": True}
    peer.answer("GET /api/regions", 200, {"regions": [region]})

    assert "Germany" in run("regions", "--url", peer.url).out
