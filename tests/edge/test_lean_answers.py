"""What is answered from what is held in process is what the database would have said, and ends with the next change."""

from tests.support.world import Account, World

CHECK = "/api/access/check"
UPDATE = {"action": "identity:user:update"}


def test_the_second_answer_is_the_first_one_again(world: World):
    account = world.account(world.person())
    for caller in (world.key(account.api).api, account.api):
        for ask in (
            lambda caller=caller: caller.get("/api/whoami"),
            lambda caller=caller: caller.post(CHECK, UPDATE),
            lambda caller=caller: caller.get("/api/users?limit=25"),
        ):
            first, second, third = ask(), ask(), ask()
            assert (first.status_code, first.json()) == (200, third.json())
            assert second.content == third.content
            assert _without_request_id(first.headers) == _without_request_id(third.headers)


def test_a_question_that_is_refused_is_answered_as_such_however_often(world: World):
    account = world.account(world.person())
    reader = world.key(account.api, "read-only").api
    reader.get("/api/whoami")

    answers = [reader.call("POST", CHECK, UPDATE) for _ in range(3)]

    assert [answer["allowed"] for answer in answers] == [False] * 3
    assert reader.post(CHECK, UPDATE | {"more": 1}).status_code == 400


def test_a_key_that_is_locked_is_refused_at_the_next_request(world: World):
    account = world.account(world.person())
    key = world.key(account.api)
    assert _statuses(key.api) == [200] * 3

    account.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": False})
    assert _statuses(key.api) == [401] * 3

    account.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": True})
    assert _statuses(key.api) == [200] * 3


def test_a_member_who_is_removed_is_refused_at_the_next_request(world: World):
    account, guest = world.account(world.person()), world.person("Bea Example")
    member = world.join(account, guest)
    assert _statuses(member) == [200] * 3

    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)

    assert _statuses(member) == [401] * 3


def test_a_role_that_is_changed_counts_at_the_next_question(world: World):
    account, guest = world.account(world.person()), world.person("Bea Example")
    member = world.join(account, guest, "full-access")
    assert [member.call("POST", CHECK, UPDATE)["allowed"] for _ in range(2)] == [True, True]

    account.api.call("POST", f"/api/users/{guest.id}", {"roleID": "read-only"})

    assert member.call("POST", CHECK, UPDATE)["allowed"] is False
    assert member.call("GET", "/api/whoami")["roleID"] == "read-only"


def test_a_page_of_users_shows_a_change_at_the_next_request(world: World):
    account, guest = world.account(world.person()), world.person("Bea Example")
    key = world.key(account.api).api
    assert [len(_users(key)) for _ in range(2)] == [1, 1]

    world.join(account, guest)

    assert [len(_users(key)) for _ in range(2)] == [2, 2]


def test_a_key_is_refused_from_the_moment_of_its_expiry(own_world: World):
    account = own_world.account(own_world.person())
    key = own_world.key(account.api, expiry="2026-11-23T14:05:00Z").api
    assert _statuses(key) == [200] * 3

    own_world.server.clock.advance(minutes=5)

    assert _statuses(key) == [401] * 3


def test_an_account_token_is_refused_from_the_moment_of_its_expiry(own_world: World):
    account = own_world.account(own_world.person())
    assert _statuses(account.api) == [200] * 3

    own_world.server.clock.advance(minutes=10)

    assert _statuses(account.api) == [401] * 3


def test_a_list_of_addresses_counts_for_what_is_held_in_process_too(world: World):
    account = world.account(world.person())
    key = world.key(account.api, allowedIPs=["127.0.0.1"])
    assert _statuses(key.api) == [200] * 3

    account.api.call("POST", f"/api/apikeys/{key.id}", {"allowedIPs": ["192.0.2.1"]})

    assert _statuses(key.api) == [403] * 3


def test_a_former_secret_works_until_its_overlap_is_over_and_no_longer(own_world: World):
    account = own_world.account(own_world.person())
    key = own_world.key(account.api)
    assert _statuses(key.api) == [200] * 3
    made = account.api.call("POST", f"/api/apikeys/{key.id}/rotate", {"overlapSeconds": 60})
    renewed = own_world.anyone.with_(f"ApiKey {key.id}:{made['secret']}")

    assert _statuses(key.api) + _statuses(renewed) == [200] * 6
    own_world.server.clock.advance(seconds=61)
    assert _statuses(key.api) + _statuses(renewed) == [401] * 3 + [200] * 3


def test_what_was_answered_is_noted_as_activity(own_world: World):
    account: Account = own_world.account(own_world.person())
    key = own_world.key(account.api)
    key.api.get("/api/whoami")
    own_world.server.clock.advance(seconds=90)
    key.api.get("/api/whoami")

    door = own_world.server.node.doors.by_region[own_world.server.node.doors.regions.all[1].id]
    own_world.server.run(door.standings.flush_activity())

    assert account.api.call("GET", f"/api/apikeys/{key.id}")["lastActivity"] == "2026-11-23T14:01:30Z"


def _statuses(caller) -> list[int]:
    asked = [
        caller.get("/api/whoami"),
        caller.post(CHECK, {"action": "identity:user:read"}),
        caller.get("/api/users"),
    ]
    return [answer.status_code for answer in asked]


def _users(caller) -> list[dict]:
    return caller.call("GET", "/api/users")["users"]


def _without_request_id(headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "x-request-id"}
