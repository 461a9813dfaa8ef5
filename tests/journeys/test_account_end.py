"""An account comes to its end through the API: suspended, restored, purged, and what its people keep."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from domicile.directory.accounts.store import accounts
from domicile.infra.signing import read_signed
from domicile.region.purging.domain import RECEIPT_TYPE
from tests.support.api import Api
from tests.support.stored import stored_of
from tests.support.world import Account, World, until


def _kind(answer: httpx2.Response) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


def _suspended(account: Account) -> dict[str, Any]:
    return account.owner.api.call("DELETE", f"/api/accounts/{account.id}")


def _listed(api: Api) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in api.call("GET", "/api/accounts")["accounts"]}


def _purged(world: World, account: Account) -> None:
    """Let the time of an account pass, and wait for the worker to delete it."""
    world.server.clock.advance(days=30)
    until(lambda: world.server.run(_states(world, account)), lambda state: state == "purged")


async def _states(world: World, account: Account) -> str | None:
    query = select(accounts.c.state).where(accounts.c.account_id == account.id)
    row = await world.server.node.identity.database.read(lambda tx: tx.first(query))
    return row.state if row else None


def test_from_the_next_request_on_every_credential_of_a_suspended_account_is_refused(world: World) -> None:
    owner, reader = world.person("Ann Example"), world.person("Rea Reader")
    account = world.account(owner)
    inside = world.join(account, reader)
    key = world.key(account.api)
    guest = world.person("Gus Guest")
    token = world.invite(account.api, guest.email)
    cursor = account.api.call("GET", "/api/users?limit=1")["next"]
    for api in (account.api, inside, key.api):
        api.call("GET", "/api/whoami")
        api.call("GET", "/api/users")

    told = _suspended(account)

    assert (told["state"], told["suspended"], told["purgeAfter"]) == (
        "suspended",
        "2026-11-23T14:00:00Z",
        "2026-12-23T14:00:00Z",
    )
    for api in (account.api, inside, key.api):
        for path in ("/api/whoami", "/api/users", f"/api/users?limit=1&cursor={cursor}", "/api/logs"):
            answer = api.get(path)
            assert _kind(answer) == (403, "account-suspended")
            assert answer.json()["purgeAfter"] == told["purgeAfter"]
        assert _kind(api.post("/api/access/check", {"action": "identity:user:read"})) == (
            403,
            "account-suspended",
        )
    for person in (owner, reader):
        for method, path in (("GET", ""), ("POST", "/token"), ("DELETE", "")):
            answer = person.api.send(method, f"/api/accounts/{account.id}{path}")
            assert _kind(answer) == (403, "account-suspended")
            assert answer.json()["purgeAfter"] == told["purgeAfter"]
    assert _kind(guest.api.post("/api/invitations/accept", {"token": token})) == (404, "invitation-invalid")
    stranger = world.person("Sam Stranger")
    for path in ("", "/token", "/restore"):
        answer = stranger.api.post(f"/api/accounts/{account.id}{path}", {} if not path else None)
        nothing = stranger.api.post(f"/api/accounts/000000000001{path}", {} if not path else None)
        assert answer.status_code == nothing.status_code == 404


def test_the_list_shows_a_suspended_account_with_the_days_left(own_world: World) -> None:
    owner = own_world.person("Ann Example")
    account, other = own_world.account(owner), own_world.account(owner, "us-1", "Other")
    told = _suspended(account)

    listed = _listed(owner.api)
    assert (
        listed[account.id]["state"],
        listed[account.id]["purgeAfter"],
        listed[account.id]["daysLeft"],
    ) == (
        "suspended",
        told["purgeAfter"],
        30,
    )
    assert listed[other.id]["state"] == "active"
    assert not {"purgeAfter", "daysLeft"} & set(listed[other.id])
    own_world.server.clock.advance(minutes=1)
    assert _listed(owner.api)[account.id]["daysLeft"] == 30
    owner.api.call("POST", f"/api/accounts/{account.id}/restore")
    assert "purgeAfter" not in _listed(owner.api)[account.id]


def test_a_user_with_full_access_restores_and_everything_is_as_it_was(world: World) -> None:
    owner, reader, second = (world.person(name) for name in ("Ann Example", "Rea Reader", "Sue Second"))
    account = world.account(owner)
    inside = world.join(account, reader)
    world.join(account, second, "full-access")
    key = world.key(account.api)
    token = world.invite(account.api, (guest := world.person("Gus Guest")).email)
    before = account.api.call("GET", "/api/users")
    _suspended(account)

    assert _kind(reader.api.post(f"/api/accounts/{account.id}/restore")) == (403, "not-permitted")
    assert _kind(key.api.post(f"/api/accounts/{account.id}/restore")) == (403, "account-suspended")
    assert _kind(account.api.post(f"/api/accounts/{account.id}/restore")) == (403, "account-suspended")
    restored = second.api.call("POST", f"/api/accounts/{account.id}/restore")

    assert restored["state"] == "active"
    assert not {"suspended", "purgeAfter", "receiptID"} & set(restored)
    for api in (account.api, inside, key.api):
        api.call("GET", "/api/whoami")
    assert account.api.call("GET", "/api/users")["users"] == before["users"]
    guest.api.call("POST", "/api/invitations/accept", {"token": token})
    types = [each["type"] for each in account.api.call("GET", "/api/logs?limit=250")["logs"]]
    assert types.count("audit.account_suspended.v1") == types.count("audit.account_restored.v1") == 1
    assert _kind(second.api.post(f"/api/accounts/{account.id}/restore")) == (409, "account-not-suspended")


def test_a_deletion_of_an_older_version_is_refused(world: World) -> None:
    account = world.account(world.person("Ann Example"))
    shown = account.api.get(f"/api/accounts/{account.id}").headers["ETag"]
    account.api.call("POST", f"/api/accounts/{account.id}", {"alias": "Renamed"})

    stale = account.api.delete(f"/api/accounts/{account.id}", headers={"If-Match": shown})

    assert _kind(stale) == (412, "stale-version")
    assert account.api.call("GET", f"/api/accounts/{account.id}")["state"] == "active"


def test_of_many_deletions_at_once_one_suspends_and_one_mail_is_sent(world: World) -> None:
    account = world.account(world.person("Ann Example"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: account.api.delete(f"/api/accounts/{account.id}"), range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 7
    mails = until(lambda: _about(world, account, "suspended"), lambda found: len(found) >= 1)
    assert len(mails) == 1


def _about(world: World, account: Account, word: str) -> list[str]:
    return [text for text in world.mails_to(account.owner.email) if account.id in text and word in text]


def test_a_purged_account_is_gone_and_its_users_keep_all_else(own_world: World) -> None:
    world = own_world
    owner, only = world.person("Ann Example"), world.person("Ola Only")
    account, other = world.account(owner), world.account(owner, "us-1", "Other")
    world.join(account, only)
    key = world.key(account.api)
    told = _suspended(account)
    receipt_path = f"/api/deletion-receipts/{told['receiptID']}"
    assert _kind(world.anyone.get(receipt_path)) == (404, "not-found")

    _purged(world, account)

    receipt = until(lambda: world.anyone.get(receipt_path).json(), lambda body: "digest" in body)
    jwks = world.server.client.get("/.well-known/domicile/de-1/jwks.json").json()
    claims = read_signed(jwks, receipt["signed"], type_=RECEIPT_TYPE)
    assert claims is not None
    assert (claims["account"], claims["remaining"], claims["rows"]) == (account.id, 0, receipt["rows"])
    assert receipt["digest"] == hashlib.sha256(receipt["signed"].encode()).hexdigest()
    assert receipt["deleted"]["memberships"] == 2
    assert receipt["begun"] >= told["purgeAfter"]
    people = {owner.name, owner.email, only.email, account.alias}
    assert not [word for word in people if word in str(receipt) or word in str(claims)]

    owner_again, only_again = world.sign_in(owner.email), world.sign_in(only.email)
    assert set(_listed(owner_again)) == {other.id}
    assert _listed(only_again) == {}
    assert only_again.call("GET", "/api/me")["email"] == only.email
    world.enter(type(owner)(owner.name, owner.email, owner.password, owner.id, owner_again), other.id)
    for api in (owner_again, only_again):
        for path in ("", "/token", "/restore"):
            answer = api.post(f"/api/accounts/{account.id}{path}", {} if not path else None)
            nothing = api.post(f"/api/accounts/000000000001{path}", {} if not path else None)
            assert _kind(answer) == _kind(nothing) == (404, "not-found")
    assert key.api.get("/api/whoami").status_code == 401
    left = {table for table, rows in stored_of(world.server, account.id).items() if rows}
    assert left == {
        "global directory_accounts",
        "global directory_receipts",
        "de-1 access_log",
        "de-1 deletion_receipts",
    }


def test_an_account_is_restored_at_the_last_second_and_not_after(own_world: World) -> None:
    world = own_world
    owner = world.person("Ann Example")
    account = world.account(owner)
    _suspended(account)
    world.server.clock.advance(days=30, seconds=-1)
    again = world.sign_in(owner.email)
    again.call("POST", f"/api/accounts/{account.id}/restore")
    again.call("DELETE", f"/api/accounts/{account.id}")
    world.server.clock.advance(days=30)

    late = world.sign_in(owner.email).post(f"/api/accounts/{account.id}/restore")

    assert _kind(late) in {(409, "restore-too-late"), (404, "not-found")}


def test_the_owners_are_told_of_the_suspension_and_warned_before_the_purge(own_world: World) -> None:
    world = own_world
    owner = world.person("Ann Example")
    account = world.account(owner)
    told = _suspended(account)
    (first,) = until(lambda: _about(world, account, "suspended"), lambda found: len(found) == 1)
    for fact in ('"Example Labs"', "Germany", "2026-12-23 14:00 UTC", told["receiptID"]):
        assert fact in first
    for days, count in ((23, 1), (6, 2)):
        world.server.clock.advance(days=days)
        until(lambda: _about(world, account, "nearly over"), lambda found, c=count: len(found) == c)


def test_the_contacts_of_an_account_begin_with_its_creator_and_are_its_own(world: World) -> None:
    owner = world.person("Ann Example")
    account, other = world.account(owner), world.account(owner, "us-1", "Other")
    path = f"/api/accounts/{account.id}/contacts"
    found = account.api.get(path)
    assert {found.json()[name][0] for name in ("billing", "operations", "general")} == {owner.email}

    change = {"billing": ["pay@example.com", "b@example.com"]}
    etag = {"If-Match": found.headers["ETag"]}
    changed = account.api.call("POST", path, change, headers=etag)
    stale = account.api.post(path, change | {"general": ["c@example.com"]}, headers=etag)

    assert changed["billing"] == change["billing"]
    assert changed["general"] == [owner.email]
    assert _kind(stale) == (412, "stale-version")
    theirs = other.api.call("GET", f"/api/accounts/{other.id}/contacts")
    assert theirs["billing"] == [owner.email]
    refused = account.api.post(path, {"billing": [], "general": ["x"], "region": "us-1"})
    assert refused.status_code == 400
    logs = account.api.call("GET", "/api/logs")["logs"]
    (event,) = [each for each in logs if each["type"] == "audit.contacts_updated.v1"]
    assert event["details"] == {"addresses": {"billing": 2}}


@pytest.mark.parametrize(
    "receipt", ["rec_de-1_short", "rec_xx-9_" + "0" * 22, "nonsense", "rec_de-1_" + "0" * 22]
)
def test_a_receipt_that_is_not_there_is_one_answer(world: World, receipt: str) -> None:
    assert _kind(world.anyone.get(f"/api/deletion-receipts/{receipt}")) == (404, "not-found")
