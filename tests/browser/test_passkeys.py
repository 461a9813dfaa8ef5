"""Passkeys in a real browser, with its own virtual authenticator: made, used, copied and refused on the server's own pages."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from markupsafe import escape
from playwright.sync_api import Browser, BrowserContext, CDPSession, Locator, Page, Route, expect

from domicile.console.pages import PAGE_HEADERS, PASSKEYS, policy_of
from domicile.identity.passkeys.domain import Ceremony, Shown
from domicile.identity.passkeys.service import begin_assertion, use_assertion
from domicile.infra.migrations import History
from domicile.kernel.ids import UserId
from tests.support.api import Api, LiveServer, serving
from tests.support.databases import migrate
from tests.support.people import ORIGIN, FrozenClock
from tests.support.postgres import run_apart
from tests.support.world import Person, World, until

pytestmark = pytest.mark.browser

_PAGE = """<!doctype html><html lang="en"><title>Passkeys</title><link rel="icon" href="/static/mark.svg">
<label>E-mail address <input name="email" autocomplete="username webauthn"></label>
<form method="post" action="/sent" hidden {attributes}>
<input type="hidden" name="credential"><p role="status" data-told></p><button>Use a passkey</button></form>
<script src="/static/passkeys.js"></script>"""


_COUNTING = """window.asked = 0; const get = navigator.credentials.get.bind(navigator.credentials);
navigator.credentials.get = (options) => { const answer = get(options); window.asked += 1; return answer; };"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """A server in this process, so that tests can ask for and take assertions themselves."""
    data = tmp_path_factory.mktemp("passkeys")
    run_apart(migrate(f"sqlite+aiosqlite:///{data / 'identity.db'}", History.GLOBAL))
    with serving(None, data, FrozenClock()) as server:
        yield World(server)


@dataclass
class Device:
    """A browser with a virtual authenticator, at a page of the server that a test wrote."""

    world: World
    context: BrowserContext
    page: Page
    cdp: CDPSession
    id: str
    complaints: list[str] = field(default_factory=list)

    @property
    def server(self) -> LiveServer:
        return self.world.server

    def open(self, form: dict[str, str], *, path: str = "/page") -> None:
        """Show a page with a form for passkeys, under the policy of the console's pages and a script of our own."""
        attributes = " ".join(f'{name}="{escape(value)}"' for name, value in form.items())
        headers = {**PAGE_HEADERS, "Content-Security-Policy": policy_of((PASSKEYS,))}
        body = _PAGE.format(attributes=attributes)

        def give(route: Route) -> None:
            route.fulfill(status=200, content_type="text/html", headers=headers, body=body)

        self.context.unroute(f"{self.server.url}{path}")
        self.context.route(f"{self.server.url}{path}", give)
        self.page.goto(f"{self.server.url}{path}", wait_until="commit")

    def answer(self, form: dict[str, str]) -> dict[str, Any]:
        """Open a page, press its button, and give what the form sends."""
        self.open(form)
        return self.sent_by_pressing()

    def sent_by_pressing(self) -> dict[str, Any]:
        with self.page.expect_request("**/sent") as sent:
            self.page.get_by_role("button", name="Use a passkey").click()
        self.page.wait_for_url("**/sent")
        return self.credential_in(sent.value.post_data)

    def credential_in(self, body: str | None) -> dict[str, Any]:
        return msgspec.json.decode(parse_qs(body or "")["credential"][0])

    def told(self) -> Locator:
        return self.page.get_by_role("status")

    def credentials(self) -> list[dict[str, Any]]:
        return self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]


NewDevice = Callable[..., Device]


def _form(kind: str, options: dict[str, Any], **more: str) -> dict[str, str]:
    return {"data-passkey": kind, "data-options": msgspec.json.encode(options).decode(), **more}


@pytest.fixture
def new_device(browser: Browser, world: World) -> Generator[NewDevice]:
    contexts: list[Device] = []

    def make(**wanted: Any) -> Device:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(15_000)
        cdp = context.new_cdp_session(page)
        cdp.send("WebAuthn.enable", {"enableUI": False})
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        } | wanted
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        device = Device(world, context, page, cdp, made["authenticatorId"])
        page.on("pageerror", lambda error: device.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: device.complaints.append(message.text) if message.type == "error" else None,
        )
        context.route(
            f"{world.server.url}/sent",
            lambda route: route.fulfill(content_type="text/html", body="<title>Sent</title>"),
        )
        contexts.append(device)
        return device

    yield make
    for device in contexts:
        device.context.close()
        assert device.complaints == []


@dataclass
class Holder:
    """A person before their device."""

    person: Person
    api: Api
    device: Device

    def enrol(self) -> dict[str, Any]:
        asked = self.api.call("POST", "/api/me/factors/passkeys/options", status=201)
        credential = self.device.answer(_form("create", asked["passkey"]))
        wanted = {"challenge": asked["challenge"], "credential": credential}
        made = self.api.call("POST", "/api/me/factors/passkeys", wanted, status=201)
        self.api = self.device.world.anyone.with_(f"Bearer {made['token']}")
        return made

    def ask(self, *, anybody: bool = True) -> Ceremony:
        plane = self.device.server.node.identity
        user = None if anybody else UserId(self.person.id)
        return self.device.server.run(
            plane.database.run_tx(
                lambda tx: begin_assertion(
                    plane, tx, user=user, binding="page", needs_uv=anybody, now=plane.clock()
                )
            )
        )

    def show(self, asked: Ceremony, credential: dict[str, Any], *, anybody: bool = True) -> Shown | None:
        plane = self.device.server.node.identity
        user = None if anybody else UserId(self.person.id)
        return self.device.server.run(
            plane.database.run_tx(
                lambda tx: use_assertion(
                    plane,
                    tx,
                    challenge_id=asked.challenge_id,
                    binding="page",
                    credential=credential,
                    user=user,
                    origin=ORIGIN,
                    now=plane.clock(),
                )
            )
        )


def _holder(world: World, device: Device) -> Holder:
    person = world.person("Ada Example")
    return Holder(person, person.api, device)


def test_a_passkey_is_made_and_signs_its_owner_in_without_a_name(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    made = ada.enrol()
    assert made["factor"]["kind"] == "passkey"
    assert ada.device.credentials()[0]["rpId"] == "localhost"
    assert ada.device.credentials()[0]["isResidentCredential"]

    asked = ada.ask()
    answer = ada.device.answer(_form("get", asked.options))
    shown = ada.show(asked, answer)

    assert shown is not None
    assert shown.user_id == ada.person.id
    assert shown.is_mfa
    assert ada.show(asked, answer) is None, "replayed"


def test_a_passkey_signs_in_and_steps_up_through_the_api(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.enrol()

    begun = world.anyone.call("POST", "/api/sign-in", {}, status=201)
    shown = {"signIn": begun["signIn"], "credential": ada.device.answer(_form("get", begun["passkey"]))}
    signed_in = world.anyone.call("POST", "/api/sign-in/passkey", shown, status=201)
    assert world.anyone.post("/api/sign-in/passkey", shown).status_code == 401

    api = world.anyone.with_(f"Bearer {signed_in['token']}")
    (session,) = [each for each in api.call("GET", "/api/me/sessions")["sessions"] if each["current"]]
    assert {"swk", "hwk"}.intersection(session["methods"]) and "mfa" in session["methods"]
    asked = api.call("POST", "/api/me/step-up/options")
    answer = {
        "challenge": asked["challenge"],
        "credential": ada.device.answer(_form("get", asked["passkey"])),
    }
    lifted = api.call("POST", "/api/me/step-up", answer, status=201)
    assert api.get("/api/me").status_code == 401
    assert world.anyone.with_(f"Bearer {lifted['token']}").get("/api/me").status_code == 200


def test_the_pages_of_the_console_take_a_passkey_as_second_factor_and_to_step_up(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    ada.enrol()
    page = ada.device.page
    _leave(ada)

    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    page.get_by_label("E-mail address").fill(ada.person.email)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Password").fill(ada.person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your second factor")
    _present(ada, is_so=True)
    page.get_by_role("button", name="Use your passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")

    world.server.clock.advance(minutes=11)
    page.goto(f"{ada.device.server.url}/me/email")
    expect(page.get_by_role("heading", level=1)).to_have_text("Show that it is you")
    page.get_by_role("button", name="Use your passkey").click()
    page.wait_for_url("**/me/email")


def _sign_in(ada: "Holder") -> Page:
    """Bring a person with a password alone to the page of their second factors."""
    page = ada.device.page
    page.goto(f"{ada.device.server.url}/sign-in?next=/me/security")
    page.get_by_label("E-mail address").fill(ada.person.email)
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Password").fill(ada.person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign-in and security")
    return page


def _present(ada: "Holder", *, is_so: bool) -> None:
    """Have somebody touch the authenticator whenever it asks; it would answer the quiet question in the address field, too."""
    wanted = {"authenticatorId": ada.device.id, "enabled": is_so}
    ada.device.cdp.send("WebAuthn.setAutomaticPresenceSimulation", wanted)


def _leave(ada: "Holder") -> None:
    """Forget who is signed in, and go away from the authenticator."""
    ada.device.context.clear_cookies()
    _present(ada, is_so=False)


def _offer_nothing(page: Page) -> None:
    """Keep the browser from offering passkeys in the address field, so that the button alone asks for one."""
    page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")


def _add_passkey(page: Page, name: str = "") -> None:
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()


def test_a_passkey_is_added_on_a_page_and_replaced_there(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    _add_passkey(page, "Laptop")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")
    assert page.locator(".codes code").count() == 10
    page.get_by_role("link", name="I have kept them: go on").click()
    row = page.get_by_role("row").filter(has_text="Laptop")
    expect(row).to_contain_text("Passkey")

    row.get_by_role("link").click()
    page.get_by_role("link", name="Replace it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Replace a passkey")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("status").filter(has_text="holds a passkey of yours already")).to_be_visible()
    ada.device.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": ada.device.id})
    page.get_by_label("Name").fill("Other laptop")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("row").filter(has_text="Other laptop")).to_be_visible()
    expect(page.get_by_text("Laptop", exact=True)).to_have_count(0)
    assert ada.device.complaints == []


def test_a_passkey_signs_in_from_the_address_field_of_the_first_page(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    _add_passkey(page)
    page.get_by_role("link", name="I have kept them: go on").click()
    ada.device.context.clear_cookies()

    page.goto(f"{ada.device.server.url}/sign-in?next=/me", wait_until="commit")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_a_passkey_signs_in_by_the_button_of_the_first_page(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    _add_passkey(page)
    page.get_by_role("link", name="I have kept them: go on").click()
    ada.device.context.clear_cookies()
    _offer_nothing(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "options" in request.url else None)
    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    assert asked == []  # nothing is begun for who only looks

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")
    assert len(asked) == 1


def test_a_passkey_signs_in_on_the_page_of_the_password(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    _add_passkey(page)
    page.get_by_role("link", name="I have kept them: go on").click()
    _leave(ada)

    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    page.get_by_label("E-mail address").fill("somebody.else@example.com")
    page.get_by_role("button", name="Next").click()
    _present(ada, is_so=True)
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_looking_at_the_first_page_takes_no_other_sign_ins_place(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = ada.device.page
    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    page.get_by_label("E-mail address").fill(ada.person.email)
    page.get_by_role("button", name="Next").click()
    other = ada.device.context.new_page()
    with other.expect_response("**/sign-in/passkey/options"):
        other.goto(f"{ada.device.server.url}/sign-in")
    page.get_by_label("Password").fill(ada.person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_a_passkey_that_is_refused_on_the_first_page_is_told_there(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    _add_passkey(page)
    page.get_by_role("link", name="I have kept them: go on").click()
    page.get_by_role("row").filter(has_text="Passkey").get_by_role("link").click()
    page.get_by_role("button", name="Remove it").click()
    ada.device.context.clear_cookies()
    _offer_nothing(page)

    page.goto(f"{ada.device.server.url}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("alert")).to_contain_text("That passkey did not sign you in")
    expect(page.get_by_label("E-mail address")).to_be_visible()
    ada.device.complaints.clear()


def _with_passkey(world: World, device: Device) -> Holder:
    """Somebody with a passkey, who has gone away and whose browser offers nothing by itself."""
    ada = _holder(world, device)
    ada.enrol()
    _leave(ada)
    return ada


@pytest.mark.parametrize("is_script_there", [True, False])
def test_a_browser_without_passkeys_shows_no_button_for_them_and_is_told_where_nothing_else_is(
    browser: Browser, world: World, is_script_there: bool
):
    person = world.person("Ada Example")
    context = browser.new_context(java_script_enabled=is_script_there)
    context.add_init_script("delete window.PublicKeyCredential;")
    page, url = context.new_page(), world.server.url

    page.goto(f"{url}/sign-in?next=/me/security/passkey")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Add a passkey")
    expect(page.get_by_role("button", name="Make the passkey")).to_be_hidden()
    told = page.locator(".alert-caution").filter(visible=True)
    expect(told).to_contain_text("A passkey takes a browser that knows passkeys")
    told.get_by_role("link", name="authenticator app").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Add an authenticator app")
    context.close()


def test_a_person_who_is_not_verified_is_told_so_in_the_place_for_it_and_tries_again(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    page = _sign_in(ada)
    page.get_by_role("link", name="Add a passkey").click()
    told = page.locator("[data-told]")
    expect(told).to_have_css("position", "absolute")  # empty it takes no room, and is there to be listened to
    wanted = {"authenticatorId": ada.device.id, "isUserVerified": False}
    ada.device.cdp.send("WebAuthn.setUserVerified", wanted)
    page.get_by_role("button", name="Make the passkey").focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_have_text("Nothing was made. Try again when you are ready.")
    expect(page.get_by_role("button", name="Make the passkey")).to_be_focused()
    ada.device.cdp.send("WebAuthn.setUserVerified", wanted | {"isUserVerified": True})
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your recovery codes")


def _come_back(page: Page) -> None:
    """Tell a page what a browser tells it when somebody comes back to its window."""
    page.evaluate("window.dispatchEvent(new Event('focus'))")


def test_a_page_asks_anew_after_another_page_of_the_browser_has_asked(world: World, new_device: NewDevice):
    ada = _with_passkey(world, new_device())
    page, first = ada.device.page, f"{ada.device.server.url}/sign-in?next=/me"
    ada.device.context.add_init_script(_COUNTING)
    with page.expect_response("**/sign-in/passkey/options"):
        page.goto(first)
    until(lambda: page.evaluate("window.asked"), lambda asked: asked == 1)
    _come_back(page)
    other = ada.device.context.new_page()
    with other.expect_response("**/sign-in/passkey/options"):
        other.goto(first)
    until(lambda: other.evaluate("window.asked"), lambda asked: asked == 1)
    other.close()

    with page.expect_response("**/sign-in/passkey/options"):
        _come_back(page)
    until(lambda: page.evaluate("window.asked"), lambda asked: asked == 2)
    _present(ada, is_so=True)
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_the_address_field_offers_passkeys_again_after_the_button_was_cancelled(
    world: World, new_device: NewDevice
):
    ada = _with_passkey(world, new_device())
    page = ada.device.page
    page.add_init_script(_COUNTING)
    page.add_init_script(
        """const quiet = navigator.credentials.get; window.cancelled = 0;
           navigator.credentials.get = (options) => {
             if (options.mediation === "conditional" || window.cancelled) { return quiet(options); }
             window.cancelled += 1;
             return Promise.reject(new DOMException("", "NotAllowedError"));
           };"""
    )
    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    until(lambda: page.evaluate("window.asked"), lambda asked: asked == 1)

    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_role("status")).to_have_text("Nothing was chosen. Try again, or go on another way.")
    until(lambda: page.evaluate("window.asked"), lambda asked: asked == 2)
    _present(ada, is_so=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


@pytest.mark.parametrize("status", [503, 0])
def test_who_cannot_be_asked_by_the_server_is_told_to_try_again(
    world: World, new_device: NewDevice, status: int
):
    ada = _with_passkey(world, new_device())
    page, asked = ada.device.page, f"{ada.device.server.url}/sign-in/passkey/options"
    _offer_nothing(page)
    ada.device.context.route(
        asked, lambda route: route.fulfill(status=status) if status else route.abort("connectionrefused")
    )
    page.goto(f"{ada.device.server.url}/sign-in?next=/me")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("status")).to_have_text("The server did not answer. Try again in a while.")
    ada.device.complaints.clear()  # of the failed request

    ada.device.context.unroute(asked)
    _present(ada, is_so=True)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your profile")


def test_a_passkey_is_a_second_factor_of_the_person_who_was_named(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.enrol()

    asked = ada.ask(anybody=False)
    shown = ada.show(asked, ada.device.answer(_form("get", asked.options)), anybody=False)

    assert shown is not None
    assert shown.passkey.name == "Passkey"


def test_a_security_key_without_pin_is_a_second_factor_alone(world: World, new_device: NewDevice):
    key = {"transport": "usb", "hasResidentKey": False, "hasUserVerification": False, "isUserVerified": False}
    ada = _holder(world, new_device(**key))
    ada.enrol()

    asked = ada.ask(anybody=False)
    shown = ada.show(asked, ada.device.answer(_form("get", asked.options)), anybody=False)

    assert shown is not None
    assert shown.methods == ("hwk",)


def test_a_counter_that_goes_back_in_a_real_authenticator_stops_the_passkey(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    ada.enrol()
    for _ in range(2):
        asked = ada.ask()
        assert ada.show(asked, ada.device.answer(_form("get", asked.options))) is not None
    (held,) = ada.device.credentials()
    assert held["signCount"] > 1
    ada.device.cdp.send("WebAuthn.clearCredentials", {"authenticatorId": ada.device.id})
    copy = {"authenticatorId": ada.device.id, "credential": held | {"signCount": 0}}
    ada.device.cdp.send("WebAuthn.addCredential", copy)

    asked = ada.ask()
    assert ada.show(asked, ada.device.answer(_form("get", asked.options))) is None

    (factor,) = ada.api.call("GET", "/api/me/factors")["factors"]
    assert factor["stopped"]


def test_a_passkey_is_offered_in_the_address_field_and_the_button_takes_over(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    ada.enrol()

    asked = ada.ask()
    with ada.device.page.expect_request("**/sent") as sent:
        ada.device.open(_form("get", asked.options, **{"data-autofill": ""}))
    ada.device.page.wait_for_url("**/sent")
    shown = ada.show(asked, ada.device.credential_in(sent.value.post_data))
    assert shown is not None

    _present(ada, is_so=False)
    asked = ada.ask()
    ada.device.page.add_init_script(_COUNTING)
    ada.device.open(_form("get", asked.options, **{"data-autofill": ""}))
    # A touch answers what is asked after it: the quiet question must be out by then.
    until(lambda: ada.device.page.evaluate("window.asked"), lambda asked: asked == 1)
    _present(ada, is_so=True)
    assert ada.show(asked, ada.device.sent_by_pressing()) is not None


def test_a_device_that_holds_one_already_is_told_of_and_nothing_is_sent(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.enrol()
    asked = ada.api.call("POST", "/api/me/factors/passkeys/options", status=201)

    ada.device.open(_form("create", asked["passkey"], **{"data-known": "Schon da."}))
    ada.device.page.get_by_role("button", name="Use a passkey").click()

    expect(ada.device.told()).to_have_text("Schon da.")


def test_a_person_who_is_not_verified_is_told_to_go_on_another_way(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.enrol()
    ada.device.cdp.send(
        "WebAuthn.setUserVerified", {"authenticatorId": ada.device.id, "isUserVerified": False}
    )

    ada.device.open(_form("get", ada.ask().options))
    ada.device.page.get_by_role("button", name="Use a passkey").click()

    expect(ada.device.told()).to_contain_text("go on another way")


def test_a_challenge_that_is_over_is_not_sent(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.device.open(_form("get", ada.ask().options, **{"data-lasts": "0"}))

    ada.device.page.get_by_role("button", name="Use a passkey").click()

    expect(ada.device.told()).to_have_text("That took too long. Load the page again.")


def test_browsers_without_the_functions_of_level_3_are_read_and_written_for(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    ada.device.context.add_init_script(
        "delete PublicKeyCredential.parseCreationOptionsFromJSON;"
        "delete PublicKeyCredential.parseRequestOptionsFromJSON;"
        "delete PublicKeyCredential.prototype.toJSON;"
    )
    ada.enrol()

    asked = ada.ask()
    assert ada.show(asked, ada.device.answer(_form("get", asked.options))) is not None


def test_a_browser_without_passkeys_keeps_the_form_hidden(world: World, new_device: NewDevice):
    ada = _holder(world, new_device())
    ada.device.context.add_init_script("delete window.PublicKeyCredential;")
    ada.device.open(_form("get", ada.ask().options))

    expect(ada.device.page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    assert ada.device.page.locator("form").get_attribute("hidden") is not None


def test_a_page_at_the_number_of_this_machine_gets_no_passkey_from_the_browser(
    world: World, new_device: NewDevice
):
    ada = _holder(world, new_device())
    ada.enrol()
    asked = ada.ask()
    ada.device.open(_form("get", asked.options))
    elsewhere = world.server.url.replace("localhost", "127.0.0.1")
    ada.device.page.goto(f"{elsewhere}/healthz")
    refused = ada.device.page.evaluate(
        """(options) => navigator.credentials
             .get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)})
             .then(() => "given", (error) => error.name)""",
        asked.options,
    )

    assert refused == "SecurityError"
