"""The console's pages that take passkeys, sent what no honest browser sends: nobody is signed in by it, and everybody is told what to do."""

import html
import json
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from domicile.console.session_cookie import PASSKEY_COOKIE, SESSION_COOKIE, SIGN_IN_COOKIE
from domicile.identity.passkeys.store import passkey_challenges
from domicile.identity.signing_in.store import sign_ins
from domicile.infra.databases import IdentityTx
from tests.support.authenticator import Authenticator
from tests.support.world import PASSWORD, Person, World

OPTIONS, SIGN_IN, ADD = "/sign-in/passkey/options", "/sign-in/passkey", "/me/security/passkey"
_ASKED = re.compile(r"data-options='([^']+)'")
_CHALLENGE = re.compile(r'name="challenge" value="([^"]+)"')
_CODE = re.compile(r"<code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code>")


@dataclass
class Browser:
    """A browser with its cookies and a device that holds passkeys."""

    world: World
    device: Authenticator = field(init=False)
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.device = Authenticator(self.world.server.url)

    def get(self, path: str) -> httpx2.Response:
        return self._ask("GET", path)

    def post(
        self, path: str, form: dict[str, str] | None = None, *, origin: str | None = None
    ) -> httpx2.Response:
        return self._ask("POST", path, data=form or {}, headers={"Origin": origin or self.world.server.url})

    def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        sent = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(headers or {}),
        }
        client = self.world.server.client
        answer = client.request(method, path, headers=sent, follow_redirects=False, **more)
        client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer

    def sit_down(self, person: Person) -> None:
        self.cookies = {SESSION_COOKIE: (person.api.authorization or "").removeprefix("Bearer ")}

    def asked(self) -> dict[str, Any]:
        """Ask what the script of the first page asks."""
        answer = self.post(OPTIONS)
        assert answer.status_code == 200, answer.text
        return answer.json()["options"]

    def show(self, credential: dict[str, Any] | str, page: str = "address", **more: str) -> httpx2.Response:
        text = credential if isinstance(credential, str) else json.dumps(credential)
        return self.post(SIGN_IN, {"page": page, "credential": text, **more})

    def begin(self, address: str) -> dict[str, Any]:
        """Go on to the page of the password; gives what it asks a passkey for."""
        assert self.post("/sign-in", {"email": address}).status_code == 303
        return options_on(self.get("/sign-in/password"))

    def add(self, name: str = "Laptop", **more: str) -> httpx2.Response:
        page = self.get(f"{ADD}?replaces={more['replaces']}" if "replaces" in more else ADD)
        return self.send_new(page, self.device.create(options_on(page)), name=name, **more)

    def send_new(
        self, page: httpx2.Response, credential: dict[str, Any] | str, **more: str
    ) -> httpx2.Response:
        text = credential if isinstance(credential, str) else json.dumps(credential)
        challenge = _CHALLENGE.search(page.text)
        assert challenge
        return self.post(ADD, {"challenge": challenge[1], "credential": text, **more})

    @property
    def is_signed_in(self) -> bool:
        return self.get("/me").status_code == 200


def options_on(page: httpx2.Response) -> dict[str, Any]:
    asked = _ASKED.search(page.text)
    assert asked, page.text
    return json.loads(html.unescape(asked[1]))


def told(answer: httpx2.Response, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    alert = re.search(r'role="alert".*?</div>', answer.text, re.DOTALL)
    assert alert and words in alert[0], answer.text


def rows(world: World) -> tuple[int, int]:
    """Count the sign-ins under way, and the challenges that wait."""

    async def count(tx: IdentityTx) -> tuple[int, int]:
        begun = await tx.execute(select(func.count()).select_from(sign_ins))
        asked = await tx.execute(select(func.count()).select_from(passkey_challenges))
        return begun.scalar_one(), asked.scalar_one()

    return world.server.run(world.server.node.identity.database.read(count))


@pytest.fixture
def browser(world: World) -> Browser:
    return Browser(world)


def holder(world: World, name: str = "Ann Example") -> tuple[Person, Browser]:
    """A person with a passkey in the device of their browser, in which nobody is signed in."""
    person, browser = world.person(name), Browser(world)
    browser.sit_down(person)
    assert browser.add().status_code == 200
    browser.cookies.clear()
    return person, browser


def test_who_looks_at_the_first_page_leaves_nothing_behind(world: World, browser: Browser) -> None:
    before = rows(world)

    page = browser.get("/sign-in")

    assert f'data-options-from="{OPTIONS}"' in page.text and _ASKED.search(page.text) is None
    assert browser.cookies == {} and rows(world) == before


def test_what_the_first_page_asks_for_names_nobody_and_has_a_cookie_that_no_script_reads(
    world: World, browser: Browser
) -> None:
    before = rows(world)

    answer = browser.post(OPTIONS)

    assert rows(world) == (before[0] + 1, before[1] + 1)
    assert answer.json()["options"]["allowCredentials"] == []
    assert answer.json()["options"]["userVerification"] == "required"
    assert answer.json()["lasts"] == 300
    assert list(browser.cookies) == [PASSKEY_COOKIE]
    assert browser.cookies[PASSKEY_COOKIE] not in answer.text
    (line,) = answer.headers.get_list("set-cookie")
    for part in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert part in line
    assert answer.headers["cache-control"] == "no-store"


def test_another_sites_page_has_nothing_asked_and_nothing_shown(world: World) -> None:
    _, ann = holder(world)
    before = rows(world)
    assert ann.post(OPTIONS, origin="https://evil.example").status_code == 403
    assert rows(world) == before and ann.cookies == {}

    credential = json.dumps(ann.device.get(ann.asked()))
    form = {"page": "address", "credential": credential}
    assert ann.post(SIGN_IN, form, origin="https://evil.example").status_code == 403
    assert not ann.is_signed_in
    assert ann.post(SIGN_IN, form).status_code == 303


def test_a_passkey_signs_in_once_and_leads_only_where_people_may_go(world: World) -> None:
    _, ann = holder(world)
    credential = ann.device.get(ann.asked())

    led = ann.show(credential, next="https://evil.example/")

    assert led.headers["location"] == "/accounts"
    assert ann.is_signed_in
    del ann.cookies[SESSION_COOKIE]
    told(ann.show(credential), 401, "This sign-in is over")
    assert not ann.is_signed_in


def test_an_answer_to_what_another_browser_was_asked_signs_nobody_in(world: World) -> None:
    _, ann = holder(world)
    stranger = Browser(world)
    asked = stranger.asked()
    ann.asked()

    told(ann.show(ann.device.get(asked)), 401, "That passkey did not sign you in")
    assert not ann.is_signed_in
    # What another browser was asked is still good there.
    assert stranger.show(ann.device.get(asked)).status_code == 303


def test_a_cookie_of_one_page_is_good_for_no_other(world: World) -> None:
    person, ann = holder(world)
    asked = ann.begin(person.email)

    assert PASSKEY_COOKIE not in ann.cookies and SIGN_IN_COOKIE in ann.cookies
    told(ann.show(ann.device.get(asked), page="address"), 401, "This sign-in is over")
    assert ann.show(ann.device.get(asked), page="password").status_code == 303
    assert ann.is_signed_in


def test_a_new_question_takes_the_place_of_the_one_before(world: World) -> None:
    _, ann = holder(world)
    first, second = ann.asked(), ann.asked()

    told(ann.show(ann.device.get(first)), 401, "That passkey did not sign you in")
    # A ceremony is answered once, right or wrong.
    told(ann.show(ann.device.get(second)), 401, "That passkey did not sign you in")
    assert ann.show(ann.device.get(ann.asked())).status_code == 303


def test_another_persons_passkey_is_no_second_factor(world: World) -> None:
    person, ann = holder(world)
    _, ben = holder(world, "Ben Example")
    ann.begin(person.email)
    assert ann.post("/sign-in/password", {"password": PASSWORD}).headers["location"] == "/sign-in/second"
    asked = options_on(ann.get("/sign-in/second"))
    assert len(asked["allowCredentials"]) == 1

    answer = ann.show(ben.device.get({**asked, "allowCredentials": []}), page="second", way="passkey")

    told(answer, 401, "That passkey did not sign you in")
    assert not ann.is_signed_in
    # The page asks anew: what it asks now is good.
    assert ann.show(ann.device.get(options_on(answer)), page="second", way="passkey").status_code == 303


@pytest.mark.parametrize(
    ("minutes", "words"), [(5, "That passkey did not sign you in"), (10, "This sign-in is over")]
)
def test_an_answer_that_is_late_signs_nobody_in(own_world: World, minutes: int, words: str) -> None:
    _, ann = holder(own_world)
    asked = ann.asked()
    own_world.server.clock.advance(minutes=minutes)

    told(ann.show(ann.device.get(asked)), 401, words)
    assert not ann.is_signed_in
    assert ann.show(ann.device.get(ann.asked())).status_code == 303


@pytest.mark.parametrize(("credential", "status"), [("", 400), ("[]", 400), ("{", 400), ("{}", 401)])
def test_a_form_that_no_script_filled_is_told_of(browser: Browser, credential: str, status: int) -> None:
    browser.asked()

    answer = browser.show(credential)

    told(
        answer,
        status,
        "must be what the browser made" if status == 400 else "That passkey did not sign you in",
    )
    assert 'name="email"' in answer.text and not browser.is_signed_in


def test_who_was_asked_nothing_signs_in_with_nothing(browser: Browser) -> None:
    told(browser.show("{}"), 401, "This sign-in is over")
    assert browser.show("{}", page="password").headers["location"].startswith("/sign-in?")


def test_the_page_of_the_password_is_the_same_for_everybody(world: World) -> None:
    person, ann = holder(world)
    shown: list[str] = []
    for address in (person.email, world.person("Ben Example").email, world.address("nobody")):
        ann.cookies.clear()
        asked = ann.begin(address)
        assert asked["allowCredentials"] == []
        page = ann.get("/sign-in/password").text
        shown.append(_ASKED.sub("", page).replace(address, ""))
    assert shown[0] == shown[1] == shown[2]


def test_a_passkey_is_added_with_codes_that_are_shown_once(world: World, browser: Browser) -> None:
    browser.sit_down(world.person())
    page = browser.get(ADD)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    credential = browser.device.create(options_on(page))
    former = dict(browser.cookies)

    added = browser.send_new(page, credential, name="Phone <1>")

    assert len(_CODE.findall(added.text)) == 10 and browser.cookies != former
    overview = browser.get("/me/security").text
    assert "Phone &lt;1&gt;" in overview and _CODE.findall(overview) == []
    told(browser.send_new(page, credential), 400, "no good answer")
    assert browser.add("Other").headers["location"] == "/me/security?done=factor-added"


def test_a_passkey_is_added_by_the_session_that_was_asked(world: World, browser: Browser) -> None:
    browser.sit_down(world.person())
    stranger = Browser(world)
    stranger.sit_down(world.person("Ben Example"))
    page = stranger.get(ADD)

    told(browser.send_new(page, browser.device.create(options_on(page))), 400, "no good answer")
    assert "You sign in with your password alone" in browser.get("/me/security").text
    assert stranger.send_new(page, stranger.device.create(options_on(page))).status_code == 200


@pytest.mark.parametrize("credential", ["", "[]", "{"])
def test_a_form_for_a_new_passkey_that_no_script_filled_is_told_of(
    world: World, browser: Browser, credential: str
) -> None:
    browser.sit_down(world.person())

    answer = browser.send_new(browser.get(ADD), credential, name="Laptop")

    told(answer, 400, "must be what the browser made")
    assert 'value="Laptop"' in answer.text
    assert answer.text.count("A passkey takes a browser that knows passkeys") == 2
    assert "<noscript>" in answer.text


def test_a_name_that_cannot_be_is_told_and_the_page_asks_anew(world: World, browser: Browser) -> None:
    browser.sit_down(world.person())
    page = browser.get(ADD)
    answer = browser.send_new(page, browser.device.create(options_on(page)), name="a\nb")

    told(answer, 400, "Name")
    assert 'aria-invalid="true"' in answer.text
    again = browser.send_new(answer, browser.device.create(options_on(answer)), name="Laptop")
    assert again.status_code == 200


def test_what_is_none_of_ones_own_passkeys_is_not_replaced(world: World) -> None:
    _, ann = holder(world)
    _, ben = holder(world, "Ben Example")
    ben.show(ben.device.get(ben.asked()))
    found = re.search(r"/me/security/factors/([^\"]+)", ben.get("/me/security").text)
    assert found
    ann.show(ann.device.get(ann.asked()))

    for replaces in (found[1], "none", "0192f0c1-0000-7000-8000-000000000000"):
        assert ann.get(f"{ADD}?replaces={replaces}").status_code == 404
        page = ann.get(ADD)
        made = Authenticator(world.server.url).create(options_on(page))
        told(ann.send_new(page, made, replaces=replaces), 400, "is none of your passkeys")
    assert ben.get(f"{ADD}?replaces={found[1]}").status_code == 200


def test_a_new_passkey_wants_a_person_who_has_shown_lately_who_they_are(own_world: World) -> None:
    browser = Browser(own_world)
    browser.sit_down(own_world.person())
    page = browser.get(ADD)
    made = browser.device.create(options_on(page))
    own_world.server.clock.advance(minutes=11)

    for led in (browser.get(ADD), browser.send_new(page, made)):
        assert led.status_code == 303
        assert led.headers["location"] == f"/step-up?next={ADD}&done=show-again"
    browser.cookies.clear()
    assert browser.get(ADD).headers["location"].startswith("/sign-in?")
