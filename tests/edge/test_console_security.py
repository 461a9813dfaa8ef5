"""The console where people keep their second factors, asked for as a browser asks."""

import re
from dataclasses import dataclass, field

import httpx2
import pytest

from domicile.console.session_cookie import SESSION_COOKIE
from tests.support.apps import shown
from tests.support.world import Person, World

_SECRET = re.compile(r'class="breakable secret">([A-Z2-7]{32})<')
_ENROLMENT = re.compile(r'action="(/me/security/app/[^"]+)"')
_FACTOR = re.compile(r'href="(/me/security/factors/[^"]+)"')
_CODE = re.compile(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>")


@dataclass
class Browser:
    """A browser that keeps the session cookie that it was last given."""

    world: World
    person: Person
    cookie: str = field(init=False)

    def __post_init__(self) -> None:
        self.cookie = (self.person.api.authorization or "").removeprefix("Bearer ")

    def get(self, path: str) -> httpx2.Response:
        return self._keep(self.world.server.client.get(path, headers=self._headers(), follow_redirects=False))

    def post(self, path: str, form: dict[str, str] | None = None) -> httpx2.Response:
        headers = self._headers() | {"Origin": self.world.server.url}
        client = self.world.server.client
        return self._keep(client.post(path, data=form or {}, headers=headers, follow_redirects=False))

    def _headers(self) -> dict[str, str]:
        return {"Cookie": f"{SESSION_COOKIE}={self.cookie}"}

    def _keep(self, answer: httpx2.Response) -> httpx2.Response:
        self.cookie = answer.cookies.get(SESSION_COOKIE) or self.cookie
        self.world.server.client.cookies.clear()
        return answer


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world, world.person("Ann Example"))


def _add_app(browser: Browser, target: str = "") -> httpx2.Response:
    begun = browser.post("/me/security/app", {"name": "Phone <1>", "next": target})
    assert begun.status_code == 200
    assert "<svg" in begun.text
    secret, enrolment = _SECRET.search(begun.text), _ENROLMENT.search(begun.text)
    assert secret and enrolment
    wrong = browser.post(enrolment[1], {"code": "000000", "next": target})
    assert wrong.status_code == 403 and "not the code" in wrong.text and secret[1] not in wrong.text
    code = shown(secret[1], browser.world.server.clock.now)
    return browser.post(enrolment[1], {"code": code, "next": target})


def test_an_app_is_added_its_codes_are_shown_once_and_the_person_goes_on_where_they_were(browser: Browser):
    led = browser.get("/me/security?next=/accounts/new")
    assert "asks for a second factor" in led.text
    assert "/me/security/app?next=/accounts/new" in led.text
    former = browser.cookie

    added = _add_app(browser, "/accounts/new")

    assert added.status_code == 200 and len(_CODE.findall(added.text)) == 10
    assert 'href="/accounts/new"' in added.text
    assert browser.cookie != former
    overview = browser.get("/me/security").text
    assert "Phone &lt;1&gt;" in overview and "10 of your codes are left" in overview
    assert _CODE.findall(overview) == []
    browser.cookie = former
    assert browser.get("/me/security").headers["Location"].startswith("/sign-in")


def test_a_name_that_cannot_be_is_told_on_the_form_and_a_last_wrong_code_begins_anew_as_a_replacement(
    browser: Browser,
):
    refused = browser.post("/me/security/app", {"name": "a\nb"})
    assert refused.status_code == 400 and 'aria-invalid="true"' in refused.text
    _add_app(browser)
    page = _FACTOR.search(browser.get("/me/security").text)
    assert page
    replaced = page[1].rpartition("/")[2]
    browser.get(f"/me/security/app?replaces={replaced}")
    begun = browser.post("/me/security/app", {"name": "New phone", "replaces": replaced})
    enrolment = _ENROLMENT.search(begun.text)
    assert enrolment and f'name="replaces" value="{replaced}"' in begun.text

    for _ in range(4):
        browser.post(enrolment[1], {"code": "000000", "replaces": replaced})
    answer = browser.post(enrolment[1], {"code": "000000", "replaces": replaced})

    assert "the last try" in answer.text
    assert f'name="replaces" value="{replaced}"' in answer.text


def test_a_factor_is_renamed_and_removed_and_new_codes_are_made(browser: Browser):
    _add_app(browser)
    page = _FACTOR.search(browser.get("/me/security").text)
    assert page

    assert browser.post(page[1], {"name": "Old phone"}).headers["Location"].endswith("done=factor-renamed")
    assert "Old phone" in browser.get(page[1]).text
    assert browser.post(page[1], {"name": "a\nb"}).status_code == 400
    made = browser.post("/me/security/codes")
    assert len(_CODE.findall(made.text)) == 10
    removed = browser.post(f"{page[1]}/remove")
    assert removed.headers["Location"].endswith("done=factor-removed")
    assert "your password alone" in browser.get("/me/security").text
    assert browser.get(page[1]).status_code == 404


def test_changes_lead_to_showing_again_who_one_is_and_back_to_the_page(browser: Browser):
    _add_app(browser)
    page = _FACTOR.search(browser.get("/me/security").text)
    assert page
    browser.world.server.clock.advance(minutes=11)

    for path, form in (("/me/security/codes", {}), (f"{page[1]}/remove", {})):
        led = browser.post(path, form)
        assert led.headers["Location"] == "/step-up?next=/me/security&done=show-again"
    led = browser.get("/me/security/app")
    assert led.headers["Location"] == "/step-up?next=/me/security/app&done=show-again"
