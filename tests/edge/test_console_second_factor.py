"""The console where an account asks for a second factor, and where it wants to see again who is there; asked for as a browser asks."""

import re
from dataclasses import dataclass

import httpx2
import pytest

from domicile.console.session_cookie import SESSION_COOKIE
from tests.support.factors import Factors, factors_of
from tests.support.world import Account, Person, World

_VERSION = re.compile(r'name="version" value="([\d-]+)"')


@dataclass(frozen=True)
class Browser:
    """A browser with a person's session in its cookie."""

    world: World
    person: Person

    @property
    def _cookie(self) -> str:
        return f"{SESSION_COOKIE}={(self.person.api.authorization or '').removeprefix('Bearer ')}"

    def get(self, path: str) -> httpx2.Response:
        return self.world.server.client.get(path, headers={"Cookie": self._cookie}, follow_redirects=False)

    def post(self, path: str, form: dict[str, str]) -> httpx2.Response:
        headers = {"Cookie": self._cookie, "Origin": self.world.server.url}
        return self.world.server.client.post(path, data=form, headers=headers, follow_redirects=False)

    def version_on(self, path: str) -> str:
        found = _VERSION.search(self.get(path).text)
        assert found
        return found[1]


@pytest.fixture
def factors(world: World) -> Factors:
    return factors_of(world)


@pytest.fixture
def account(world: World) -> Account:
    return world.account(world.person("Ann Example"), alias="Labs & Co")


@pytest.fixture
def owner(world: World, account: Account, factors: Factors) -> Browser:
    """The owner's browser, with a session in which they used their second factor."""
    factors.enrol(account.owner)
    return Browser(world, factors.sign_in(account.owner))


def _leads(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_asking_for_a_second_factor_shows_who_would_be_kept_out_and_is_undone_on_the_same_page(
    world: World, account: Account, owner: Browser
) -> None:
    member, path = (
        world.person("Gus & Guest", address=world.address("gus")),
        f"/accounts/{account.id}/second-factor",
    )
    world.join(account, member)
    assert f'href="{path}">Ask everybody for one…' in owner.get(f"/accounts/{account.id}").text

    page = owner.get(path)

    assert "One user could not enter" in page.text and member.email in page.text
    assert "Gus &amp; Guest" in page.text and account.owner.email not in page.text
    assert "API keys have no second factor" in page.text
    done = owner.post(path, {"required": "yes", "version": owner.version_on(path)})
    assert _leads(done) == f"/accounts/{account.id}?done=second-factor-required"
    shown = owner.get(f"/accounts/{account.id}?done=second-factor-required").text
    assert "From now on everybody needs a second factor" in shown and "Ask for it no longer…" in shown
    assert "Everybody needs one to enter this account." in shown
    done = owner.post(path, {"required": "no", "version": owner.version_on(path)})
    assert _leads(done) == f"/accounts/{account.id}?done=second-factor-given-up"
    assert Browser(world, member).get(f"/accounts/{account.id}").status_code == 200


def test_where_everybody_has_one_the_page_says_so(account: Account, owner: Browser) -> None:
    assert "nobody would be kept out" in owner.get(f"/accounts/{account.id}/second-factor").text


@pytest.mark.parametrize("required", ["", "maybe", "YES"])
def test_a_form_that_says_neither_yes_nor_no_changes_nothing(
    account: Account, owner: Browser, required: str
) -> None:
    path = f"/accounts/{account.id}/second-factor"
    assert owner.post(path, {"required": required, "version": owner.version_on(path)}).status_code == 400
    assert account.api.call("GET", f"/api/accounts/{account.id}")["mfaRequired"] is False


def test_a_page_that_was_looked_at_before_a_change_asks_nobody(account: Account, owner: Browser) -> None:
    path = f"/accounts/{account.id}/second-factor"
    version = owner.version_on(path)
    account.api.call("POST", f"/api/accounts/{account.id}", {"locale": "de"})
    assert owner.post(path, {"required": "yes", "version": version}).status_code == 412
    assert account.api.call("GET", f"/api/accounts/{account.id}")["mfaRequired"] is False


def test_who_reads_only_is_not_offered_it(world: World, account: Account, owner: Browser) -> None:
    reader, path = world.person("Rea Reader"), f"/accounts/{account.id}/second-factor"
    world.join(account, reader)
    browser = Browser(world, reader)
    assert path not in browser.get(f"/accounts/{account.id}").text
    assert browser.get(path).status_code == 403
    assert browser.post(path, {"required": "yes", "version": "1"}).status_code == 403
    assert owner.get(f"/accounts/{account.id}/users/{account.owner.id}").text.count("Has one") == 1
    assert owner.get(f"/accounts/{account.id}/users/{reader.id}").text.count("Has one") == 0


def test_who_has_not_used_a_factor_is_led_to_one_and_back_to_the_page(
    world: World, account: Account, factors: Factors
) -> None:
    path, browser = f"/accounts/{account.id}/second-factor", Browser(world, account.owner)
    assert _leads(browser.get(path)) == f"/me/security?next={path}&done=second-factor-missing"
    factors.enrol(account.owner)
    assert _leads(browser.get(path)) == f"/step-up?next={path}&done=second-factor-asked"
    factors.use(account.owner.api)
    assert browser.get(path).status_code == 200


def test_the_page_that_was_asked_for_is_kept_with_its_query(
    world: World, account: Account, owner: Browser
) -> None:
    path = f"/accounts/{account.id}/second-factor"
    owner.post(path, {"required": "yes", "version": owner.version_on(path)})
    led = _leads(Browser(world, account.owner).get(f"/accounts/{account.id}?cursor=abc"))
    assert led == f"/step-up?next=/accounts/{account.id}%3Fcursor%3Dabc&done=second-factor-asked"
    opening = Browser(world, account.owner).post(f"/accounts/{account.id}/services/workload/open", {})
    assert _leads(opening) == f"/step-up?next=/accounts/{account.id}/services&done=second-factor-asked"


def _acts(account: Account, user: Person) -> dict[tuple[str, str], tuple[dict[str, str], str]]:
    """By method and page: what is sent, and where the way goes on after the person has shown who they are."""
    base = f"/accounts/{account.id}"
    return {
        ("GET", f"{base}/delete"): ({}, f"{base}/delete"),
        ("POST", f"{base}/delete"): ({"alias": "Labs & Co", "version": "1"}, f"{base}/delete"),
        ("GET", f"{base}/users/{user.id}/remove"): ({}, f"{base}/users/{user.id}/remove"),
        ("POST", f"{base}/users/{user.id}"): ({"roleID": "read-only"}, f"{base}/users/{user.id}"),
        ("POST", f"{base}/invitations"): ({"email": "n@example.com", "roleID": "full-access"}, base),
    }


def test_what_is_dangerous_leads_to_showing_again_who_one_is_and_back(own_world: World) -> None:
    world = own_world
    account, partner = world.account(world.person(), alias="Labs & Co"), world.person("Pat Partner")
    world.join(account, partner, "full-access")
    browser = Browser(world, account.owner)
    world.server.clock.advance(minutes=11)

    for (method, path), (form, back) in _acts(account, partner).items():
        if "roleID" in form and "email" not in form:
            form["version"] = browser.version_on(path)
        answer = browser.get(path) if method == "GET" else browser.post(path, form)
        assert _leads(answer) == f"/step-up?next={back}&done=show-again", (method, path)

    assert browser.get(f"/accounts/{account.id}").status_code == 200
    fresh = Browser(world, world_person(world, account.owner))
    assert fresh.get(f"/accounts/{account.id}/delete").status_code == 200


def world_person(world: World, person: Person) -> Person:
    """The same person with a session of this moment."""
    return Person(person.name, person.email, person.password, person.id, world.sign_in(person.email))


def test_restoring_an_account_that_asks_for_a_factor_leads_back_to_the_list(
    world: World, account: Account, owner: Browser
) -> None:
    path = f"/accounts/{account.id}/second-factor"
    owner.post(path, {"required": "yes", "version": owner.version_on(path)})
    world.enter(owner.person, account.id).call("DELETE", f"/api/accounts/{account.id}")
    answer = Browser(world, account.owner).post(f"/accounts/{account.id}/restore", {})
    assert _leads(answer) == "/step-up?done=second-factor-asked"
    assert owner.post(f"/accounts/{account.id}/restore", {}).status_code == 303


def test_another_sites_form_asks_nobody_for_a_factor(account: Account, owner: Browser) -> None:
    answer = owner.world.server.client.post(
        f"/accounts/{account.id}/second-factor",
        data={"required": "yes"},
        headers={"Cookie": owner._cookie, "Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert account.api.call("GET", f"/api/accounts/{account.id}")["mfaRequired"] is False
