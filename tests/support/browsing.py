"""People at browsers of their own: what they do again and again, and what their browsers complain about."""

import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import APIResponse, Browser, BrowserContext, Cookie, Page, Response
from pyotp.totp import TOTP

SESSION = "__Host-domicile-session"
PASSWORD = "a pelican folds seven maps"
_STEP_SECONDS = 30


@dataclass
class Complaints:
    """What a browser reported of the pages it showed."""

    console: list[str] = field(default_factory=list)
    """Errors and warnings, violations of the content security policy among them."""
    foreign: list[str] = field(default_factory=list)
    """Requests to anybody but the server."""
    failed: list[str] = field(default_factory=list)
    """Answers with status 500 and above."""

    def all(self) -> list[str]:
        return [*self.console, *self.foreign, *self.failed]


@dataclass
class Visitor:
    """One person, with a browser profile that nobody shares."""

    page: Page
    url: str
    complaints: Complaints
    address: str = ""
    """Where mail reaches the person, once they have signed up."""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def open(self, path: str) -> Response:
        """Go to a page of the server by its path."""
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        return answer

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def fill(self, **values: str) -> None:
        """Fill inputs in by their names."""
        for name, value in values.items():
            self.page.locator(f"[name={name}]").fill(value)

    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def session(self) -> str | None:
        """What the session cookie holds."""
        cookie = self.session_cookie()
        return cookie.get("value") if cookie else None

    def session_cookie(self) -> Cookie | None:
        return next((cookie for cookie in self.context.cookies() if cookie.get("name") == SESSION), None)

    def put_session(self, value: str) -> None:
        """Give the browser a session cookie."""
        kept: Any = {"name": SESSION, "value": value, "domain": "localhost", "path": "/", "secure": True}
        self.context.add_cookies([kept])

    def post(self, path: str, form: dict[str, str | float | bool], **headers: str) -> APIResponse:
        """Send a form with this browser's cookies, as a page of this site would unless `headers` say otherwise."""
        sent = {"Sec-Fetch-Site": "same-origin"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self.context.request.post(f"{self.url}{path}", form=form, headers=sent, max_redirects=0)

    def keep(self, account: str, *items: dict[str, Any]) -> None:
        """Keep items of the example's service in an account, by the API and with the person's rights."""
        ask, url, headers = self.context.request.post, self.url, {"Api-Version": "v1"}
        credentials = {"email": self.address, "password": PASSWORD}
        session = ask(f"{url}/api/sessions", headers=headers, data=credentials).json()["token"]
        entering = headers | {"Authorization": f"Bearer {session}"}
        token = ask(f"{url}/api/accounts/{account}/token", headers=entering).json()["token"]
        body = {"items": [{"service": "workload", **item} for item in items]}
        applied = ask(
            f"{url}/api/items/apply", headers=headers | {"Authorization": f"Bearer {token}"}, data=body
        )
        assert applied.status == 200, applied.text()

    def invite(self, account: str, address: str, role: str = "Read only") -> None:
        self.open(f"/accounts/{account}")
        self.fill(email=address)
        self.page.get_by_role("radio", name=role).check()
        self.press("Send invitation")

    def accept(self) -> None:
        """Follow the invitation in the mailbox and accept it."""
        self.follow_mail(self.address, "invited")
        self.press("Accept the invitation")

    def follow_mail(self, address: str, subject: str) -> None:
        """Open the newest mail to an address in the mailbox, and follow the link in it."""
        self.wait_for_mail(address, subject)
        row = self.page.get_by_role("row").filter(has_text=address).filter(has_text=subject).first
        row.get_by_role("link").click()
        self.page.frame_locator("iframe").get_by_role("link").first.click()
        self.page.wait_for_url(re.compile(r"/(verify|join|reset|undo)/"))

    def wait_for_mail(self, address: str, subject: str) -> None:
        """Reload the mailbox until a mail is there."""
        row = self.page.get_by_role("row").filter(has_text=address).filter(has_text=subject)
        self.open("/mailbox")
        for _ in range(100):
            if row.count():
                return
            self.page.wait_for_timeout(100)
            self.page.reload()
        raise AssertionError(f"no mail to {address} about {subject}")

    def sign_up(self, name: str, address: str) -> None:
        """Sign up and verify the address, up to the invitation to sign in."""
        self.open("/sign-up")
        self.fill(email=address, name=name, password=PASSWORD)
        self.press("Sign up")
        self.follow_mail(address, "Confirm")
        self.press("Verify my address")

    def sign_in(self, address: str, password: str = PASSWORD) -> None:
        self.open("/sign-in")
        self.show_password(address, password)

    def show_password(self, address: str, password: str = PASSWORD) -> None:
        """Go through the pages of address and password, from the first of them."""
        self.fill(email=address)
        self.press("Next")
        self.fill(password=password)
        self.press("Sign in")

    def create_account(self, alias: str, region: str) -> str:
        """Create an account and give its id."""
        self.open("/accounts/new")
        self.fill(alias=alias)
        self.page.get_by_role("radio", name=region).check()
        self.press("Create account")
        self.page.wait_for_url(re.compile(r"/accounts/\d{12}"))
        return urlsplit(self.page.url).path.rpartition("/")[2]


class App:
    """An authenticator app; each of its codes works once, so that it gives those of neighbouring steps."""

    def __init__(self, secret: str) -> None:
        self._totp, self._at = TOTP(secret), int(time.time()) - _STEP_SECONDS

    def next_code(self) -> str:
        code, self._at = self._totp.at(self._at), self._at + _STEP_SECONDS
        return code


def protect(visitor: Visitor) -> tuple[App, list[str]]:
    """Give a person an app, and so recovery codes, through the API."""
    post, url, version = visitor.context.request.post, visitor.url, {"Api-Version": "v1"}
    credentials = {"email": visitor.address, "password": PASSWORD}
    token = post(f"{url}/api/sessions", headers=version, data=credentials).json()["token"]
    headers = {**version, "Authorization": f"Bearer {token}"}
    begun = post(f"{url}/api/me/factors/totp", headers=headers, data={"name": "Phone"}).json()
    app = App(begun["secret"])
    confirm = f"{url}/api/me/factors/totp/{begun['id']}/confirm"
    confirmed = post(confirm, headers=headers, data={"code": app.next_code()}).json()
    return app, confirmed["recoveryCodes"]


def visit(browser: Browser, url: str, others: tuple[str, ...] = (), **options: Any) -> Visitor:
    """Let a new person sit down at a browser, and listen to what it complains about; `others` may be asked too."""
    page = browser.new_context(locale="en-GB", **options).new_page()
    page.set_default_timeout(10_000)
    complaints = Complaints()
    page.on("console", lambda message: _note(complaints, message.type, message.text))
    page.on("pageerror", lambda error: complaints.console.append(str(error)))
    page.context.on("request", lambda request: _check_host(complaints, request.url, url, *others))
    page.on("response", lambda answer: _check_status(complaints, answer))
    return Visitor(page, url, complaints)


def _note(complaints: Complaints, kind: str, text: str) -> None:
    # A browser reports every answer of 400 and above to its console; here these are asked for on purpose.
    if kind in {"error", "warning"} and "Failed to load resource" not in text:
        complaints.console.append(text)


def _check_host(complaints: Complaints, asked: str, *urls: str) -> None:
    if not asked.startswith((*(f"{url}/" for url in urls), "about:", "data:")):
        complaints.foreign.append(asked)


def _check_status(complaints: Complaints, answer: Response) -> None:
    if answer.status >= 500:
        complaints.failed.append(f"{answer.status} {answer.url}")
