"""Nobody gets at another account, and nobody past their role: every operation of the route table is tried."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx2
import pytest

from domicile.web.operations import Access
from tests.support.api import Api
from tests.support.apps import begin, with_app
from tests.support.operations import CHANGING, Operation, operations_of
from tests.support.services import put_cloud_accounts, put_item
from tests.support.stored import Stored, everything, stored_of
from tests.support.world import Account, Person, World, until

_SAME_REQUEST = {"X-Request-Id": "one-and-the-same"}
_NOTHING = {
    "account_id": "000000000001",
    "user_id": "0197a1c2-0000-7000-8000-0123456789ab",
    "session_id": "0197a1c2-0000-7000-8000-0123456789ab",
    "key_id": "dom_de-1_0000000000000000000000",
    "invitation_id": "0" * 32,
    "ref": f"de-1.000000000001.{'0' * 32}",
    "factor_id": "0197a1c2-0000-7000-8000-0123456789ab",
    "enrolment_id": "0197a1c2-0000-7000-8000-0123456789ab",
    "aws_account_id": "000000000001",
    "project_id": "nothing-here",
    "subscription_id": "0197a1c2-0000-4000-8000-0123456789ab",
}
"""Ids of the right shape that lead nowhere."""


@dataclass(frozen=True)
class Victim:
    """An account with something of each kind in it, and what of it must never be seen outside."""

    account: Account
    reader: Person
    reader_api: Api
    read_key: Api
    ids: Mapping[str, str]

    @property
    def marks(self) -> list[str]:
        people = [self.account.owner, self.reader]
        told = [*self.ids.values(), *(p.email for p in people), *(p.name for p in people), self.account.alias]
        return [mark for mark in told if mark not in {"full-access", "de-1", "workload", "policies", "1"}]


@dataclass(frozen=True)
class Stranger:
    """One credential of somebody who has no business with the victim."""

    kind: str
    api: Api
    person: Person = field(repr=False)

    def fits(self, operation: Operation) -> bool:
        """Whether this kind of credential is one that the operation takes at all."""
        taken = {
            Access.ANYONE: {"key", "account token", "session"},
            Access.PERSON: {"session"},
            Access.ACCOUNT: {"key", "account token"},
            Access.SERVICE: set(),
            Access.ACCOUNT_OR_SERVICE: {"key", "account token"},
            Access.MEMBER: {"key", "account token", "session"},
            Access.ANYBODY_SIGNED_IN: {"key", "account token", "session"},
        }
        return self.kind in taken[operation.access]


@pytest.fixture(scope="module")
def victim(world: World) -> Victim:
    enrolled, reader = with_app(world, world.person("Victoria Owner")), world.person("Vincent Reader")
    owner = enrolled.person
    account = world.account(owner, "de-1", "Victim Industries")
    reader_api = world.join(account, reader)
    key = world.key(account.api, alias="victims-key")
    read_key = world.key(account.api, "read-only")
    body = {"email": world.address("invited-by-victim"), "roleID": "read-only"}
    invitation = account.api.call("POST", "/api/invitations", body, status=201)
    session = owner.api.call("GET", "/api/me/sessions")["sessions"][0]
    ids = {
        "account_id": account.id,
        "user_id": owner.id,
        "session_id": session["id"],
        "key_id": key.id,
        "invitation_id": invitation["id"],
        "ref": f"de-1.{account.id}.{invitation['id']}",
        "factor_id": enrolled.app_id,
        "enrolment_id": begin(owner.api, "Tablet")["id"],
        "role_id": "full-access",
        "receipt_id": f"rec_de-1_{'0' * 22}",
        "region": "de-1",
        **put_item(account.api),
        **put_cloud_accounts(account.api),
    }
    made = Victim(account, reader, reader_api, read_key.api, ids)
    until(lambda: everything(world.server, "outbox"), lambda rows: not any(rows.values()))
    return made


@pytest.fixture(scope="module")
def strangers(world: World, victim: Victim) -> list[Stranger]:
    """A person beside the victim's region and one in it, each with every kind of credential."""
    return [
        stranger
        for region in ("de-1", "us-1")
        for owner in [world.person("Sam Stranger")]
        for account in [world.account(owner, region, "Elsewhere")]
        for stranger in (
            Stranger("key", world.key(account.api).api, owner),
            Stranger("account token", account.api, owner),
            Stranger("session", owner.api, owner),
        )
    ]


@pytest.fixture(scope="module")
def operations(world: World) -> list[Operation]:
    return operations_of(world.server)


def _stored(world: World, victim: Victim) -> Stored:
    return stored_of(world.server, victim.account.id, victim.account.owner.id, victim.reader.id)


def _send(api: Api, operation: Operation, ids: Mapping[str, str]) -> httpx2.Response:
    return api.send(operation.method, operation.at(ids), operation.example, headers=_SAME_REQUEST)


def _foreign(operations: list[Operation]) -> Iterator[Operation]:
    """List the operations whose path names something that belongs to somebody."""
    for operation in operations:
        if set(operation.parameters) & set(_NOTHING):
            yield operation


def test_a_path_with_an_id_of_another_account_answers_as_if_there_were_nothing(
    world: World,
    victim: Victim,
    strangers: list[Stranger],
    operations: list[Operation],
    subtests: pytest.Subtests,
) -> None:
    before = _stored(world, victim)
    tried = 0
    for operation in _foreign(operations):
        for stranger in strangers:
            with subtests.test(operation=str(operation), stranger=stranger.kind):
                theirs = _send(stranger.api, operation, victim.ids)
                nothing = _send(stranger.api, operation, {**victim.ids, **_NOTHING})
                expected = {404} if stranger.fits(operation) else {401, 403}
                assert theirs.status_code in expected, theirs.text
                assert (theirs.status_code, theirs.content) == (nothing.status_code, nothing.content)
                assert dict(theirs.headers) == dict(nothing.headers)
                tried += 1
    assert _stored(world, victim) == before
    assert tried > 80


def test_an_operation_without_an_id_shows_a_stranger_nothing_of_the_account(
    world: World,
    victim: Victim,
    strangers: list[Stranger],
    operations: list[Operation],
    subtests: pytest.Subtests,
) -> None:
    foreign = list(_foreign(operations))
    before = _stored(world, victim)
    for operation in operations:
        if operation in foreign or operation.access is Access.ANYONE:
            continue
        for stranger in strangers:
            with subtests.test(operation=str(operation), stranger=stranger.kind):
                spent = stranger.kind == "session" and operation.method == "DELETE"
                # Ending sessions ends the account tokens of the same person, with which the others go on.
                api = world.person("Spare Stranger").api if spent else stranger.api
                answer = _send(api, operation, victim.ids)
                assert answer.status_code < 500
                if not stranger.fits(operation):
                    assert answer.status_code in {401, 403}, answer.text
                assert [mark for mark in victim.marks if mark in answer.text] == []
    assert _stored(world, victim) == before


def test_questions_about_another_accounts_principals_are_answered_as_about_nobody(
    victim: Victim, strangers: list[Stranger], subtests: pytest.Subtests
) -> None:
    foreign = {
        "user": (victim.account.owner.id, _NOTHING["user_id"]),
        "apikey": (victim.ids["key_id"], _NOTHING["key_id"]),
    }
    for stranger in strangers:
        if stranger.kind == "session":
            continue
        for kind, pair in foreign.items():
            with subtests.test(stranger=stranger.kind, about=kind):
                explained = [
                    stranger.api.get(
                        f"/api/access/explain?action=identity:user:read&principal={kind}/{item}",
                        headers=_SAME_REQUEST,
                    )
                    for item in pair
                ]
                urn = f"urn:domicile:identity:de-1:{victim.account.id}:{kind}"
                checked = [
                    stranger.api.post(
                        "/api/access/check",
                        {"action": "identity:user:read", "principal": f"{urn}/{item}"},
                        headers=_SAME_REQUEST,
                    )
                    for item in pair
                ]
                for theirs, nobody in (explained, checked):
                    told = [a.text.replace(item, "X") for a, item in zip((theirs, nobody), pair, strict=True)]
                    assert theirs.status_code == nobody.status_code == 200
                    assert told[0] == told[1]
                    assert theirs.json()["allowed"] is False
                    assert victim.account.id not in theirs.text


_CREDENTIALS = {
    "nothing": None,
    "an empty header": "",
    "a scheme alone": "Bearer",
    "an unknown scheme": "Basic dXNlcjpwYXNzd29yZA==",
    "a made-up token": "Bearer eyJhbGciOiJub25lIn0.e30.",
    "a made-up session": "Bearer dms_" + "0" * 49,
    "a made-up key": "ApiKey dom_de-1_0000000000000000000000:" + "0" * 49,
    "a key of no region": "ApiKey dom_xx-9_0000000000000000000000:" + "0" * 49,
    "a key without a secret": "ApiKey dom_de-1_0000000000000000000000",
    "characters beyond ASCII": "Bearer é",
}


@pytest.mark.parametrize("credential", _CREDENTIALS)
def test_without_a_credential_that_counts_every_operation_but_the_open_ones_is_401(
    world: World, victim: Victim, operations: list[Operation], credential: str, subtests: pytest.Subtests
) -> None:
    authorization = _CREDENTIALS[credential]
    headers = [] if authorization is None else [(b"Authorization", authorization.encode("latin-1"))]
    for operation in operations:
        if operation.access is Access.ANYONE:
            continue
        with subtests.test(operation=str(operation)):
            answer = world.server.client.request(
                operation.method,
                operation.at(victim.ids),
                json=operation.example,
                headers=[(b"Api-Version", b"v1"), *headers],
            )
            assert answer.status_code == 401, answer.text
            assert answer.headers["www-authenticate"]
            assert answer.json()["fields"] == {}


def test_a_key_of_the_account_with_a_wrong_secret_is_nobody(world: World, victim: Victim) -> None:
    other = world.key(victim.account.api)
    for mixed in (
        f"{victim.ids['key_id']}:{other.secret}",
        f"{other.id}:{other.secret[:-1]}",
        f"{other.id}:",
    ):
        assert world.anyone.with_(f"ApiKey {mixed}").get("/api/whoami").status_code == 401
    twice = world.server.client.get(
        "/api/whoami",
        headers=[
            ("Api-Version", "v1"),
            ("Authorization", f"ApiKey {other.id}:{other.secret}"),
            ("Authorization", f"ApiKey {other.id}:{other.secret}"),
        ],
    )
    assert twice.status_code == 401
    other.api.call("DELETE", f"/api/apikeys/{other.id}", status=204)


def _stored_but_the_audit(world: World, victim: Victim) -> Stored:
    """What readers leave alone; that they export, or were refused, is recorded."""
    return {name: rows for name, rows in _stored(world, victim).items() if " audit_" not in name}


def test_read_only_may_read_everything_and_change_nothing(
    world: World, victim: Victim, operations: list[Operation], subtests: pytest.Subtests
) -> None:
    readers = {"key": victim.read_key, "account token": victim.reader_api, "session": victim.reader.api}
    ids = victim.ids
    before = _stored_but_the_audit(world, victim)
    size = victim.account.api.call("GET", "/api/logs/checkpoint")["size"]
    changing = 0
    for operation in operations:
        if operation.permission is None:
            continue
        for kind, api in readers.items():
            if kind == "session" and operation.access is not Access.MEMBER:
                continue
            with subtests.test(operation=str(operation), reader=kind):
                answer = _send(api, operation, ids)
                if operation.permission in CHANGING:
                    changing += 1
                    assert answer.status_code == 403, answer.text
                    assert answer.json()["type"].endswith("/problems/not-permitted")
                else:
                    assert answer.status_code == 200, answer.text
    assert _stored_but_the_audit(world, victim) == before
    assert changing >= 20
    recorded = victim.account.api.call("GET", "/api/logs?limit=250")["logs"]
    told = [event for event in recorded if event["seq"] >= size]
    assert {event["type"] for event in told if event["outcome"] == "success"} == {
        "audit.access_explained.v1",
        "audit.access_reviewed.v1",
        "audit.log_exported.v1",
    }


def test_every_operation_inside_an_account_names_the_permission_it_asks_for_or_is_about_the_caller(
    operations: list[Operation],
) -> None:
    without = {
        str(operation)
        for operation in operations
        if operation.access in {Access.ACCOUNT, Access.MEMBER} and operation.permission is None
    }
    assert without == {
        "POST /api/access/check",
        "GET /api/access/explain",
        "GET /api/access/forward/{service_name}",
        "GET /api/apikeys/current",
    }
