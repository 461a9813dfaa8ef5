"""Services are told what happens to accounts, signed and in order, until they take it, and say when a purged account is gone."""

import asyncio
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from domicile.apps.operate import owed_receipts, webhooks_send, webhooks_status
from domicile.infra.signing import read_signed
from domicile.infra.webhooks import webhook_secret
from domicile.region.service_purges.domain import RECEIPT_TYPE
from tests.support.api import Api, Install, LiveServer, serving
from tests.support.people import FrozenClock
from tests.support.services import SERVICE_CREDENTIAL, manifest_text, register, write_manifest
from tests.support.webhook_target import Target, listening
from tests.support.world import Account, World, until

PURGES = "/api/serving/de-1/purges"


@dataclass
class Platform:
    """A platform with a service that listens."""

    server: LiveServer
    world: World
    target: Target
    service: Api

    def account(self) -> Account:
        return self.world.account(self.world.person("Ann Example"), "de-1", "Labs canary-41f7")

    def wait_for(self, account: str, *types: str) -> None:
        until(lambda: self.target.about(account), lambda told: told == list(types))

    def suspend(self, account: Account) -> str:
        return account.api.call("DELETE", f"/api/accounts/{account.id}")["receiptID"]


@pytest.fixture
def platform(install: Install, tmp_path: Path) -> Generator[Platform]:
    installed = install()
    with listening() as target:
        text = manifest_text(more=f'lifecycle = {{ url = "{target.url}" }}\n')
        config = register(installed, write_manifest(tmp_path, text), credential=SERVICE_CREDENTIAL)
        with serving(config, installed.data, FrozenClock()) as server:
            service = server.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
            yield Platform(server, World(server), target, service)


def code_in(answer: httpx2.Response) -> str:
    return answer.json()["type"].rpartition("/")[2]


def test_a_service_is_told_of_the_life_of_an_account_in_order_and_of_nothing_else_about_it(
    platform: Platform,
):
    account = platform.account()
    guest = platform.world.person("Gus Guest")
    platform.world.join(account, guest)
    account.api.call("DELETE", f"/api/users/{guest.id}", status=204)
    platform.suspend(account)
    account.owner.api.call("POST", f"/api/accounts/{account.id}/restore")

    platform.wait_for(
        account.id, "account.created", "member.removed", "account.suspended", "account.restored"
    )

    told = [each.message for each in platform.target.told]
    assert [set(each["data"]) for each in told if each["type"] == "member.removed"] == [
        {"accountID", "region", "seq", "userID"}
    ]
    numbers = [each["data"]["seq"] for each in told]
    assert numbers == sorted(set(numbers))
    everything = str([(each.body, each.headers) for each in platform.target.told])
    assert "canary-41f7" not in everything and "Gus" not in everything and "@" not in everything


def test_what_is_told_is_signed_as_the_standard_says(platform: Platform):
    account = platform.account()
    platform.wait_for(account.id, "account.created")
    told = platform.target.told[0]

    keyring = platform.server.settings.root_key.open()
    headers = {name.lower(): value for name, value in told.headers.items()}
    moment = platform.server.clock.now
    for region, is_ours in (("de-1", True), ("us-1", False)):
        signer = Webhook(webhook_secret(keyring, "workload", region).reveal())
        expected = signer.sign(headers["webhook-id"], moment, told.body.decode())
        assert (headers["webhook-signature"] == expected) is is_ours
    assert headers["webhook-timestamp"] == str(int(moment.timestamp()))
    assert headers["webhook-id"].startswith("evt_")


@pytest.mark.parametrize("status", [500, 302, 400])
def test_a_service_that_does_not_take_it_is_told_again_with_the_same_id(platform: Platform, status: int):
    platform.target.status = status
    platform.target.headers = {"Location": platform.target.url} if status == 302 else {}
    account = platform.account()
    platform.wait_for(account.id, "account.created")
    platform.suspend(account)

    until(lambda: waiting(platform), lambda events: [each["attempts"] for each in events] == [1])
    assert waiting(platform)[0]["error"] == f"status-{status}"
    platform.target.status = 204
    platform.server.clock.advance(seconds=5)

    platform.wait_for(account.id, "account.created", "account.created", "account.suspended")
    ids = [each.headers["webhook-id"] for each in platform.target.told]
    assert ids[0] == ids[1] != ids[2]
    assert waiting(platform) == []


def waiting(platform: Platform) -> list[dict[str, Any]]:
    return asyncio.run(webhooks_status(platform.server.settings))


def test_one_account_that_is_in_trouble_does_not_hold_up_the_others(platform: Platform):
    platform.target.status = 500
    first = platform.account()
    platform.wait_for(first.id, "account.created")
    platform.target.status = 204
    second = platform.account()

    platform.wait_for(second.id, "account.created")
    assert platform.target.about(first.id) == ["account.created"]


def test_what_is_given_up_is_a_dead_letter_until_it_is_sent_again(platform: Platform):
    platform.target.status = 410
    account = platform.account()
    until(lambda: waiting(platform), lambda events: [each["state"] for each in events] == ["given-up"])
    platform.server.clock.advance(minutes=5)
    platform.target.status = 204
    platform.suspend(account)
    platform.wait_for(account.id, "account.created", "account.suspended")

    settings = platform.server.settings
    assert asyncio.run(webhooks_send(settings, "workload", "us-1", since=None, id_=None)) == 0
    assert asyncio.run(webhooks_send(settings, "workload", None, since=None, id_=None)) == 1

    platform.wait_for(account.id, "account.created", "account.suspended", "account.created")
    assert waiting(platform) == []
    begin = platform.server.clock.now
    assert asyncio.run(webhooks_send(settings, "workload", None, since=begin, id_=None)) == 1
    until(lambda: platform.target.about(account.id)[3:], lambda told: told == ["account.suspended"])


def test_attempts_end_after_three_days(platform: Platform):
    platform.target.status = 503
    account = platform.account()
    for attempt in range(1, 14):
        until(lambda: platform.target.about(account.id), lambda told, n=attempt: len(told) >= n)
        until(
            lambda: waiting(platform), lambda events, n=attempt: [each["attempts"] for each in events] == [n]
        )
        platform.server.clock.advance(hours=24)

    assert [each["state"] for each in waiting(platform)] == ["given-up"]


def test_a_service_that_hangs_holds_up_nothing_else(platform: Platform):
    platform.target.until = threading.Event()
    account = platform.account()
    until(lambda: platform.target.about(account.id), bool)

    other = platform.account()
    assert other.api.call("GET", f"/api/accounts/{other.id}")["id"] == other.id
    platform.target.until.set()
    platform.wait_for(other.id, "account.created")


def purge(platform: Platform, account: Account) -> str:
    receipt = platform.suspend(account)
    platform.server.clock.advance(days=30, seconds=1)
    until(
        lambda: platform.server.anyone.get(f"/api/deletion-receipts/{receipt}").status_code,
        lambda status: status == 200,
    )
    return receipt


def test_a_services_receipt_joins_that_of_the_account(platform: Platform):
    account = platform.account()
    receipt = purge(platform, account)
    platform.wait_for(account.id, "account.created", "account.suspended", "account.purged")
    assert platform.target.told[-1].message["data"]["receiptID"] == receipt
    owed = platform.service.call("GET", PURGES)["purges"]
    assert [(each["accountID"], each["receiptID"]) for each in owed] == [(account.id, receipt)]

    def joined() -> dict[str, Any]:
        return platform.server.anyone.call("GET", f"/api/deletion-receipts/{receipt}")["services"][0]

    assert joined()["state"] == "awaited"
    platform.server.clock.advance(days=3, seconds=2)
    assert joined()["state"] == "overdue"
    owed_to_all = asyncio.run(owed_receipts(platform.server.settings))
    assert [(each["service"], each["account"]) for each in owed_to_all] == [("workload", account.id)]
    mine = f"{PURGES}/{account.id}"
    for refused in (
        {"deleted": {"findings": 3}, "remaining": 1},
        {"deleted": {"findings": -1}, "remaining": 0},
        {"deleted": {"\u202e": 1}, "remaining": 0},
        {"deleted": {f"n{n}": 1 for n in range(51)}, "remaining": 0},
        {"deleted": {"findings": 2**60}, "remaining": 0},
    ):
        assert platform.service.post(mine, refused).status_code == 400
    assert "signed" not in platform.service.call("GET", mine)

    given = platform.service.call("POST", mine, {"deleted": {"findings": 3}, "remaining": 0})
    again = platform.service.call("POST", mine, {"deleted": {"findings": 9}, "remaining": 0})

    assert given == again == platform.service.call("GET", mine)
    claims = read(platform, given["signed"])
    assert (claims["service"], claims["account"], claims["deleted"]) == (
        "workload",
        account.id,
        {"findings": 3},
    )
    assert (joined()["state"], joined()["signed"]) == ("acknowledged", given["signed"])
    assert platform.service.call("GET", PURGES)["purges"] == []


def read(platform: Platform, signed: str) -> dict[str, Any]:
    keys = platform.server.anyone.call("GET", "/.well-known/domicile/de-1/statement-keys.json")
    claims = read_signed(keys, signed, type_=RECEIPT_TYPE)
    assert claims is not None
    return claims


def test_a_receipt_for_what_nobody_asked_for_is_not_taken(platform: Platform):
    account = platform.account()
    said = {"deleted": {}, "remaining": 0}
    for named in (account.id, "000000000001", "\u202e", "x" * 300):
        assert code_in(platform.service.post(f"{PURGES}/{named}", said)) == "not-found", named
    purge(platform, account)
    elsewhere = PURGES.replace("de-1", "us-1")
    assert code_in(platform.service.post(f"{elsewhere}/{account.id}", said)) == "not-found"
    assert account.api.post(f"{PURGES}/{account.id}", said).status_code == 401


def test_a_platform_whose_services_do_not_listen_writes_nothing_down(install: Install, tmp_path: Path):
    installed = install()
    config = register(installed, write_manifest(tmp_path, manifest_text()), credential=SERVICE_CREDENTIAL)
    with serving(config, installed.data, FrozenClock()) as server:
        platform = Platform(
            server, World(server), Target(), server.anyone.with_(f"Bearer {SERVICE_CREDENTIAL}")
        )
        receipt = purge(platform, platform.account())
        assert server.anyone.call("GET", f"/api/deletion-receipts/{receipt}")["services"] == []
        assert platform.service.call("GET", PURGES)["purges"] == []
