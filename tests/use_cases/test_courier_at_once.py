"""What a person changes reaches the regions at once, in the node that made the change, not with the next round."""

from collections.abc import Generator

import pytest

from tests.support.api import Install, LiveServer, serving
from tests.support.api import install as install
from tests.support.people import FrozenClock
from tests.support.world import PASSWORD, World, until


@pytest.fixture
def server(install: Install, monkeypatch: pytest.MonkeyPatch) -> Generator[LiveServer]:
    """A server whose workers do nothing for an hour, unless they are woken."""
    monkeypatch.setattr("domicile.apps.worker._ROUND_SECONDS", 3600.0)
    installed = install()
    with serving(installed.config, installed.data, FrozenClock()) as running_server:
        yield running_server


def test_a_new_name_is_in_every_account_of_the_person_at_once(server: LiveServer):
    world = World(server)
    ann = world.person()
    accounts = [world.account(ann, region) for region in ("de-1", "jp-1")]

    ann.api.call("POST", "/api/me", {"name": "Ann Newname"})

    for account in accounts:
        path = f"/api/users/{ann.id}"
        until(
            lambda account=account, path=path: account.api.call("GET", path)["name"],
            lambda name: name == "Ann Newname",
        )


def test_a_changed_password_ends_account_tokens_in_every_region_at_once(server: LiveServer):
    world = World(server)
    ann = world.person()
    accounts = [world.account(ann, region) for region in ("de-1", "jp-1")]
    change = {"currentPassword": PASSWORD, "newPassword": "another horse battery staple"}

    changed = ann.api.post("/api/me/password", change)

    assert changed.is_success, changed.text
    for account in accounts:
        until(
            lambda account=account: account.api.get("/api/whoami").status_code, lambda status: status == 401
        )


def test_an_account_may_be_entered_as_soon_as_it_is_made(server: LiveServer):
    world = World(server)
    ann = world.person()
    for number in range(5):
        wanted = {"alias": f"Labs {number}", "region": "de-1"}
        made = ann.api.call("POST", "/api/accounts", wanted, status=201)

        assert ann.api.post(f"/api/accounts/{made['id']}/token").status_code == 201
        assert made["id"] in [account["id"] for account in ann.api.call("GET", "/api/accounts")["accounts"]]
