"""What happens when many do at once what may happen once."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import httpx2
import pytest

from tests.support.api import Api
from tests.support.stored import everything
from tests.support.world import PASSWORD, Account, Person, World

_ROUNDS = 8


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


def _at_once(acts: list[Callable[[], httpx2.Response]]) -> list[httpx2.Response]:
    with ThreadPoolExecutor(len(acts)) as pool:
        answers = list(pool.map(lambda act: act(), acts))
    for answer in answers:
        assert answer.status_code < 500, answer.text
    return answers


def _statuses(answers: list[httpx2.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_fifty_accepts_at_once_make_one_membership(world: World, labs: Account) -> None:
    grace = world.person("Grace Example")
    token = world.invite(labs.api, grace.email)
    sessions = [grace.api, *(world.sign_in(grace.email) for _ in range(4))]
    acts = [
        lambda api=api: api.post("/api/invitations/accept", {"token": token})
        for api, _ in zip(cycle(sessions), range(50), strict=False)
    ]
    answers = _at_once(acts)
    assert _statuses(answers) == {200: 1, 409: 49}, [answer.text for answer in answers]
    users = labs.api.call("GET", "/api/users")["users"]
    assert [user["id"] for user in users].count(grace.id) == 1
    joined = [
        e for e in labs.api.call("GET", "/api/logs?limit=250")["logs"] if e["type"] == "audit.user_joined.v1"
    ]
    assert [event["details"]["userID"] for event in joined].count(grace.id) == 1
    assert len(grace.api.call("GET", "/api/accounts")["accounts"]) == 1


def test_an_accept_and_a_revocation_at_once_leave_one_of_the_two(world: World, labs: Account) -> None:
    for _ in range(_ROUNDS):
        grace = world.person("Grace Example")
        token = world.invite(labs.api, grace.email)
        invitations = labs.api.call("GET", "/api/invitations?state=invited&limit=250")["invitations"]
        (invitation,) = [each["id"] for each in invitations if each["email"] == grace.email]
        accepted, revoked = _at_once(
            [
                lambda token=token, grace=grace: grace.api.post("/api/invitations/accept", {"token": token}),
                lambda invitation=invitation: labs.api.delete(f"/api/invitations/{invitation}"),
            ]
        )
        assert (accepted.status_code, revoked.status_code) in {(200, 409), (404, 204)}
        is_member = labs.api.get(f"/api/users/{grace.id}").status_code == 200
        assert is_member == (accepted.status_code == 200)


def _fight(account: Account, ways: dict[str, Callable[[Api, Person], httpx2.Response]], world: World) -> None:
    """Let two owners act against each other at once, again and again; one of them is always left."""
    left = account.owner
    for number in range(_ROUNDS):
        other = world.person("Rival Owner")
        inside = world.join(
            Account(account.id, account.region, "", left, world.enter(left, account.id)), other, "full-access"
        )
        pair = [(world.enter(left, account.id), other), (inside, left)]
        way = list(ways.values())[number % len(ways)]
        answers = _at_once([lambda way=way, api=api, whom=whom: way(api, whom) for api, whom in pair])
        assert _statuses(answers)[409] + _statuses(answers)[401] + _statuses(answers)[403] >= 1
        owners = [
            p for p in (left, other) if p.api.post(f"/api/accounts/{account.id}/token").status_code == 201
        ]
        full = [p for p in owners if _is_owner(p, account)]
        assert len(full) >= 1
        left = full[0]


def _is_owner(person: Person, account: Account) -> bool:
    listed = person.api.call("GET", "/api/accounts")["accounts"]
    return [each["roleID"] for each in listed if each["id"] == account.id] == ["full-access"]


def test_two_owners_who_act_against_each_other_at_once_never_leave_the_account_without_one(
    world: World,
) -> None:
    account = world.account(world.person("First Owner"), "us-1", "Fought over")
    path = "/api/users/{}"
    _fight(
        account,
        {
            "demote": lambda api, whom: api.post(path.format(whom.id), {"roleID": "read-only"}),
            "remove": lambda api, whom: api.delete(path.format(whom.id)),
            "disable": lambda api, whom: api.post(path.format(whom.id), {"state": "disabled"}),
        },
        world,
    )


def test_two_owners_who_both_step_down_at_once_leave_one(world: World) -> None:
    first = world.person("First Owner")
    account = world.account(first, "jp-1", "Left alone")
    second = world.person("Second Owner")
    pair = [(account.api, first), (world.join(account, second, "full-access"), second)]
    for _ in range(_ROUNDS):
        answers = _at_once(
            [
                lambda api=api, me=me: api.post(f"/api/users/{me.id}", {"roleID": "read-only"})
                for api, me in pair
            ]
        )
        assert _statuses(answers) == {200: 1, 409: 1}
        (keeper,) = [api for (api, _), answer in zip(pair, answers, strict=True) if answer.status_code == 409]
        (stepped,) = [me for (_, me), answer in zip(pair, answers, strict=True) if answer.status_code == 200]
        keeper.call("POST", f"/api/users/{stepped.id}", {"roleID": "full-access"})


def test_twenty_verifies_of_one_sign_up_make_one_user(world: World) -> None:
    address = world.address("many")
    body = {"email": address, "name": "Many", "password": PASSWORD}
    world.anyone.call("POST", "/api/signup", body, status=202)
    token = world.token_to(address, "verify")
    answers = _at_once([lambda: world.anyone.post("/api/signup/verify", {"token": token})] * 20)
    assert _statuses(answers) == {200: 1, 400: 19}
    rows = everything(world.server, "users")["global users"]
    assert sum(address in repr(row) for row in rows) == 1


def test_two_sign_ups_of_one_address_verified_at_once_make_one_user(world: World) -> None:
    address = world.address("twice")
    body = {"email": address, "name": "Twice", "password": PASSWORD}
    for _ in range(2):
        world.anyone.call("POST", "/api/signup", body, status=202)
    tokens = [world.token_to(address, "verify") for _ in range(2)]
    answers = _at_once([lambda t=t: world.anyone.post("/api/signup/verify", {"token": t}) for t in tokens])
    assert _statuses(answers) == {200: 1, 400: 1}
    world.sign_in(address)


def test_twenty_resets_with_one_link_set_one_password(own_world: World) -> None:
    person = own_world.person()
    own_world.anyone.call("POST", "/api/password/forgot", {"email": person.email}, status=202)
    token = own_world.token_to(person.email, "reset")
    passwords = [f"the password of attempt {number}" for number in range(20)]
    answers = _at_once(
        [
            lambda p=p: own_world.anyone.post("/api/password/reset", {"token": token, "password": p})
            for p in passwords
        ]
    )
    assert _statuses(answers) == {204: 1, 400: 19}
    (won,) = [p for p, answer in zip(passwords, answers, strict=True) if answer.status_code == 204]
    own_world.sign_in(person.email, password=won)


def test_twenty_invitations_of_one_address_at_once_leave_one_open(world: World, labs: Account) -> None:
    body = {"email": world.address("popular"), "roleID": "read-only"}
    answers = _at_once([lambda: labs.api.post("/api/invitations", body)] * 20)
    assert _statuses(answers) == {201: 1, 409: 19}


def test_ten_changes_of_the_same_version_at_once_let_one_through(world: World, labs: Account) -> None:
    key = world.key(labs.api)
    paths = (f"/api/accounts/{labs.id}", f"/api/apikeys/{key.id}")
    for path in paths:
        tag = labs.api.get(path).headers["etag"]
        answers = _at_once(
            [
                lambda n=n, path=path, tag=tag: labs.api.post(
                    path, {"alias": f"name {n}"}, headers={"If-Match": tag}
                )
                for n in range(10)
            ]
        )
        assert _statuses(answers) == {200: 1, 412: 9}
        (won,) = [answer.json()["alias"] for answer in answers if answer.status_code == 200]
        assert labs.api.call("GET", path)["alias"] == won


def test_a_key_locked_while_it_is_in_use_answers_nothing_after_the_lock_was_acknowledged(
    world: World, labs: Account
) -> None:
    key = world.key(labs.api)
    for _ in range(_ROUNDS):
        with ThreadPoolExecutor(5) as pool:
            busy = [
                pool.submit(lambda: [key.api.get("/api/users").status_code for _ in range(20)])
                for _ in range(4)
            ]
            labs.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": False})
            assert key.api.get("/api/users").status_code == 401
            assert {status for each in busy for status in each.result()} <= {200, 401}
        labs.api.call("POST", f"/api/apikeys/{key.id}", {"enabled": True})
        assert key.api.get("/api/users").status_code == 200


def test_when_too_many_sign_in_at_once_the_rest_are_told_when_to_come_back(own_world: World) -> None:
    person = own_world.person()
    body = {"email": person.email, "password": person.password}
    answers = _at_once([lambda: own_world.anyone.post("/api/sessions", body)] * 100)
    assert _statuses(answers).keys() == {201, 429}
    for answer in answers:
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) > 0
            assert answer.json()["type"].endswith(("/problems/too-busy", "/problems/too-many-attempts"))
    own_world.sign_in(person.email)
