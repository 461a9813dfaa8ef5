"""The console's pages about the end of an account and its contacts, asked for as a browser asks."""

import re

import httpx2
import pytest

from tests.support.world import PASSWORD, Account, World

_VERSION = re.compile(r'name="version" value="(\d+)"')


class Browser:
    """A browser with a person's session in its cookie."""

    def __init__(self, world: World, address: str) -> None:
        self._client = world.server.client
        self._url = world.server.url
        self._cookie = ""
        begun = self.post("/sign-in", {"email": address})
        self._cookie = begun.headers["set-cookie"].partition(";")[0]
        signed_in = self.post("/sign-in/password", {"password": PASSWORD})
        self._cookie = signed_in.headers["set-cookie"].partition(";")[0]

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(path, headers={"Cookie": self._cookie})

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        headers = {"Cookie": self._cookie, "Origin": self._url}
        return self._client.post(path, data=form, headers=headers, follow_redirects=False)

    def version_on(self, path: str) -> str:
        found = _VERSION.search(self.get(path).text)
        assert found
        return found[1]


@pytest.fixture
def account(world: World) -> Account:
    return world.account(world.person("Ann Example"), alias="Labs & Co")


@pytest.fixture
def browser(world: World, account: Account) -> Browser:
    return Browser(world, account.owner.email)


def test_deleting_asks_for_the_name_and_leads_to_the_list_where_it_can_be_restored(
    account: Account, browser: Browser
) -> None:
    path = f"/accounts/{account.id}/delete"
    assert f'href="{path}"' in browser.get(f"/accounts/{account.id}").text
    page = browser.get(path)
    assert "kept for 30 days" in page.text

    version = browser.version_on(path)
    wrong = browser.post(path, {"alias": "Labs", "version": version})
    assert wrong.status_code == 400
    assert "must be the name of the account" in wrong.text
    assert account.api.get("/api/whoami").status_code == 200

    done = browser.post(path, {"alias": "Labs & Co", "version": version})
    assert (done.status_code, done.headers["location"]) == (303, "/accounts?done=account-deleted")
    listed = browser.get("/accounts?done=account-deleted").text
    assert "The account is suspended." in listed
    assert "30 days left" in listed
    assert f'action="/accounts/{account.id}/restore"' in listed
    assert f'<a href="/accounts/{account.id}"' not in listed
    assert browser.get(f"/accounts/{account.id}").status_code == 403

    restored = browser.post(f"/accounts/{account.id}/restore", {})
    assert restored.headers["location"] == f"/accounts/{account.id}?done=account-restored"
    assert browser.get(f"/accounts/{account.id}").status_code == 200
    assert "days left" not in browser.get("/accounts").text


def test_a_page_that_was_looked_at_before_a_change_deletes_nothing(
    account: Account, browser: Browser
) -> None:
    path = f"/accounts/{account.id}/delete"
    version = browser.version_on(path)
    account.api.call("POST", f"/api/accounts/{account.id}", {"locale": "de"})

    stale = browser.post(path, {"alias": "Labs & Co", "version": version})

    assert stale.status_code == 412
    assert account.api.get("/api/whoami").status_code == 200


def test_who_reads_only_is_offered_neither_deleting_nor_restoring(world: World, account: Account) -> None:
    reader = world.person("Rea Reader")
    world.join(account, reader)
    browser = Browser(world, reader.email)

    assert "Delete this account" not in browser.get(f"/accounts/{account.id}").text
    assert browser.get(f"/accounts/{account.id}/delete").status_code == 403
    assert browser.get(f"/accounts/{account.id}/contacts").status_code == 403
    account.api.call("DELETE", f"/api/accounts/{account.id}")
    listed = browser.get("/accounts").text
    assert "30 days left" in listed
    assert "/restore" not in listed
    assert browser.post(f"/accounts/{account.id}/restore", {}).status_code == 403


def test_contacts_are_changed_on_a_page_of_their_own_and_faults_keep_what_was_typed(
    account: Account, browser: Browser
) -> None:
    path = f"/accounts/{account.id}/contacts"
    assert account.owner.email in browser.get(path).text
    lists = {"operations": account.owner.email, "general": account.owner.email}
    form = {"version": browser.version_on(path), "billing": "pay@example.com, nobody", **lists}

    wrong = browser.post(path, form)
    assert wrong.status_code == 400
    assert "Billing and subscriptions: address 2 must be an e-mail address" in wrong.text
    assert "pay@example.com, nobody" in wrong.text
    done = browser.post(path, form | {"billing": "pay@example.com,b@example.com"})

    assert done.headers["location"] == f"/accounts/{account.id}?done=contacts-changed"
    assert "pay@example.com, b@example.com" in browser.get(f"/accounts/{account.id}").text


def test_another_sites_form_deletes_and_restores_nothing(account: Account, browser: Browser) -> None:
    for act in ("delete", "restore", "contacts"):
        headers = {"Cookie": browser._cookie, "Origin": "https://evil.example"}
        answer = browser._client.post(f"/accounts/{account.id}/{act}", data={}, headers=headers)
        assert answer.status_code == 403
    assert account.api.get("/api/whoami").status_code == 200
