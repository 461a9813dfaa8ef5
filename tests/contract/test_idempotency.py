"""`Idempotency-Key`: a creation that is repeated makes one thing and gives one answer."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.api import Api
from tests.support.operations import operations_of
from tests.support.stored import Stored, everything
from tests.support.world import Account, World, until


@dataclass(frozen=True)
class Creation:
    """A POST that creates, as it is sent, and another body for it."""

    path: str
    api: Api
    body: dict[str, Any]
    other: dict[str, Any]
    status: int = 201


CREATIONS = ("accounts", "apikeys", "invitations", "bulk", "rotate")


@pytest.fixture(scope="module")
def labs(world: World) -> Account:
    return world.account(world.person("Ann Example"), "de-1", "Labs")


@pytest.fixture
def creation(world: World, labs: Account, request: pytest.FixtureRequest) -> Creation:
    match request.param:
        case "accounts":
            body = {"alias": "Once", "region": "us-1"}
            return Creation("/api/accounts", labs.owner.api, body, {"alias": "Once", "region": "jp-1"})
        case "apikeys":
            body = {"alias": "ci", "roleID": "full-access"}
            return Creation("/api/apikeys", labs.api, body, {"alias": "ci", "roleID": "read-only"})
        case "invitations":
            body = {"email": world.address("once"), "roleID": "read-only"}
            return Creation("/api/invitations", labs.api, body, body | {"roleID": "full-access"})
        case "bulk":
            # More than one transaction's worth, so that what is remembered is in several pieces.
            entries = [{"email": world.address("many"), "roleID": "read-only"} for _ in range(60)]
            return Creation(
                "/api/invitations/bulk",
                labs.api,
                {"invitations": [*entries, entries[0]]},
                {"invitations": entries[1:]},
                status=200,
            )
        case _:
            path = f"/api/apikeys/{world.key(labs.api).id}/rotate"
            return Creation(path, labs.api, {"overlapSeconds": 60}, {"overlapSeconds": 120}, status=200)


every_creation = pytest.mark.parametrize("creation", CREATIONS, indirect=True)


def _key(world: World) -> dict[str, str]:
    return {"Idempotency-Key": world.address("idempotency")}


def _made(world: World) -> Stored:
    until(lambda: everything(world.server, "outbox"), lambda rows: not any(rows.values()))
    return everything(
        world.server,
        "accounts",
        "api_keys",
        "invitations",
        "memberships",
        "audit_events",
        "directory_accounts",
    )


def test_every_operation_that_creates_says_so_in_the_document(world: World) -> None:
    found = {str(each) for each in operations_of(world.server) if each.is_creation}
    assert found == {
        "POST /api/accounts",
        "POST /api/apikeys",
        "POST /api/invitations",
        "POST /api/invitations/bulk",
        "POST /api/roles",
        "POST /api/apikeys/{key_id}/rotate",
    }
    for each in operations_of(world.server):
        named = [parameter["name"] for parameter in each.published["parameters"]]
        assert ("Idempotency-Key" in named) == each.is_creation, str(each)


@every_creation
def test_a_repeated_creation_gives_the_same_answer_and_makes_nothing_more(
    world: World, creation: Creation
) -> None:
    key = _key(world)
    first = creation.api.post(creation.path, creation.body, headers=key)
    assert first.status_code == creation.status, first.text
    before = _made(world)
    again = creation.api.post(creation.path, creation.body, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("location", "etag"):
        assert again.headers.get(name) == first.headers.get(name)
    assert _made(world) == before


@every_creation
def test_the_same_key_with_another_body_is_409_and_changes_nothing(world: World, creation: Creation) -> None:
    key = _key(world)
    creation.api.call("POST", creation.path, creation.body, status=creation.status, headers=key)
    before = _made(world)
    refused = creation.api.post(creation.path, creation.other, headers=key)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/problems/idempotency-key-reused")
    assert _made(world) == before


@every_creation
def test_many_at_once_with_one_key_make_one_thing(world: World, creation: Creation) -> None:
    key = _key(world)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: creation.api.post(creation.path, creation.body, headers=key), range(20))
        )
    assert {answer.status_code for answer in answers} == {creation.status}, [a.text for a in answers]
    assert len({answer.content for answer in answers}) == 1
    made = answers[0].json()
    identity = made["id"] if "id" in made else made["results"][0]["invitation"]["id"]
    kinds = ("audit.account_created.v1", "audit.apiKey_created.v1", "audit.invitation_created.v1")
    rows = [row for table in everything(world.server, "audit_events").values() for row in table]
    about = [row for row in rows if any(kind in row for kind in kinds) and identity in repr(row)]
    assert len(about) == 1


def test_one_key_of_two_principals_or_two_accounts_makes_two_things(world: World, labs: Account) -> None:
    key = _key(world)
    other = world.account(labs.owner, "de-1", "Other")
    program = world.key(labs.api)
    body = {"alias": "same", "roleID": "read-only"}
    made = {
        api.call("POST", "/api/apikeys", body, status=201, headers=key)["id"]
        for api in (labs.api, other.api, program.api)
    }
    assert len(made) == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_key_of_another_shape_is_refused(labs: Account, key: str) -> None:
    answer = labs.api.post(
        "/api/apikeys",
        {"alias": "x", "roleID": "read-only"},
        headers={"Idempotency-Key": key.encode("latin-1")},  # pyright: ignore[reportArgumentType]  # as on the wire
    )
    assert answer.status_code == 400
    assert answer.json()["fields"].keys() == {"Idempotency-Key"}


def test_after_a_day_a_key_may_be_used_afresh(own_world: World) -> None:
    key = {"Idempotency-Key": "daily"}
    person = own_world.person()
    account = own_world.account(person)
    first = person.api.call(
        "POST", "/api/accounts", {"alias": "One", "region": "us-1"}, status=201, headers=key
    )
    body = {"alias": "One", "roleID": "read-only"}
    first_key = account.api.call("POST", "/api/apikeys", body, status=201, headers=key)
    own_world.server.clock.advance(hours=25)
    session = own_world.sign_in(person.email)
    again = session.call("POST", "/api/accounts", {"alias": "Two", "region": "us-1"}, status=201, headers=key)
    assert again["id"] != first["id"]
    entered = session.call("POST", f"/api/accounts/{account.id}/token", status=201)
    inside = own_world.anyone.with_(f"Bearer {entered['token']}")
    assert inside.call("POST", "/api/apikeys", body, status=201, headers=key)["id"] != first_key["id"]


def test_a_refused_creation_leaves_its_key_free(labs: Account, world: World) -> None:
    key = _key(world)
    refused = labs.api.post("/api/apikeys", {"alias": "", "roleID": "read-only"}, headers=key)
    assert refused.status_code == 400
    labs.api.call("POST", "/api/apikeys", {"alias": "now", "roleID": "read-only"}, status=201, headers=key)
