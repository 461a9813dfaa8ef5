"""What holds of every page: it fits, it is labelled, it asks nobody else for anything, and nobody else can make it act."""

from collections.abc import Callable
from typing import Literal

import pytest

from domicile.web.problems import CODES
from tests.support.browsing import PASSWORD, Visitor

pytestmark = pytest.mark.browser

SIGNED_OUT = [
    "/",
    "/sign-up",
    "/sign-up/sent",
    "/sign-in?done=session-ended",
    "/forgot",
    "/forgot/sent",
    "/verify/none",
    "/reset/none",
    "/email/verify/none",
    "/email/undo/none",
    "/join/none",
    "/docs",
    "/problems",
    "/problems/not-found",
    "/mailbox",
    "/nowhere",
]
SCRIPTS = dict.fromkeys(("/sign-up", "/reset/none", "/me"), ("strength.js",)) | {
    "/sign-in?done=session-ended": ("passkeys.js",),
    "/me/security/passkey": ("passkeys.js",),
}
OWN = [
    *("/me/email", "/me/data", "/me/delete", "/step-up"),
    *("/me/security", "/me/security/app", "/me/security/passkey"),
]
_OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_UNNAMED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], summary")]
    .filter(e => !(e.labels && e.labels.length) && !e.getAttribute("aria-label") && !e.textContent.trim())
    .map(e => e.outerHTML)"""
_LOST = """() => [...document.querySelectorAll("[aria-describedby], [aria-labelledby], a[href^='#']")]
    .flatMap(e => [e.getAttribute("aria-describedby"), e.getAttribute("aria-labelledby"), (e.getAttribute("href") || "").slice(1)])
    .flatMap(ids => (ids || "").split(" ")).filter(id => id && !document.getElementById(id))"""
_DOUBLED = """() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
    return ids.filter((id, at) => ids.indexOf(id) !== at); }"""


def _check_page(visitor: Visitor, path: str) -> None:
    visitor.open(path)
    _check_shown(visitor, path)


def _check_shown(visitor: Visitor, path: str) -> None:
    assert visitor.page.get_by_role("heading", level=1).count() == 1, path
    assert visitor.page.locator("html").get_attribute("lang") == "en", path
    assert visitor.page.get_by_role("main").count() == 1, path
    assert visitor.page.title().endswith(" · Domicile"), path
    assert visitor.page.evaluate(_OVERFLOW) == 0, path
    assert visitor.page.evaluate(_UNNAMED) == [], path
    assert visitor.page.evaluate(_DOUBLED) == [], path
    assert visitor.page.evaluate(_LOST) == [], path
    scripts = visitor.page.locator("script")
    assert scripts.count() == len(SCRIPTS.get(path, ())), path
    for script, name in zip(scripts.all(), SCRIPTS.get(path, ()), strict=True):
        assert (script.get_attribute("src") or "").startswith(f"/static/{name}?v="), path


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_for_everybody_fit_and_are_labelled(
    new_visitor: Callable[..., Visitor], scheme: str, width: int
):
    visitor = new_visitor(color_scheme=scheme, viewport={"width": width, "height": 720})

    for path in SIGNED_OUT:
        _check_page(visitor, path)


def test_pages_of_a_signed_in_person_fit_and_are_labelled(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    _check_page(ada, "/accounts")
    account = ada.create_account("Example Laboratories of the longest name" + "e" * 50, "United States")
    ada.invite(account, f"{'long' * 12}@{'example' * 6}.com")
    person = ada.page.get_by_role("link", name="Ada Example").last.get_attribute("href")
    assert person

    for width in (360, 1600):
        ada.page.set_viewport_size({"width": width, "height": 720})
        for path in (
            "/accounts",
            "/accounts/new",
            f"/accounts/{account}",
            person,
            f"{person}/remove",
            "/me",
            *OWN,
        ):
            _check_page(ada, path)


def test_pages_of_what_an_account_keeps_fit_in_every_light_and_are_labelled(
    newcomer: Callable[[str], Visitor],
):
    ada = newcomer("Ada")
    account = ada.create_account("Example Laboratories of the longest name" + "e" * 50, "Germany")
    long = "l" * 100
    script = {
        "kind": "script",
        "name": long,
        "labels": {"stage": "live", "k" * 63: "v" * 63},
        "spec": {"text": "x" * 300 + "\n<b>"},
        "target": {"provider": "aws", "location": "l" * 100},
    }
    policy = {"kind": "policy", "name": "etc", "spec": {"paths": ["/etc"]}}
    computer = {"kind": "computer", "name": long, "spec": {"hostname": "h", "policy": "etc"}}
    ada.keep(account, script, policy, computer)
    ada.keep(account, {**script, "spec": {"text": "y" * 300}})
    service = f"/accounts/{account}/services/workload"
    scripts = f"{service}/scripts"

    looks: list[tuple[Literal["light", "dark"], int]] = [("light", 1600), ("dark", 360)]
    for scheme, width in looks:
        ada.page.emulate_media(color_scheme=scheme)
        ada.page.set_viewport_size({"width": width, "height": 720})
        for path in (
            *(f"/accounts/{account}/services", service, f"{service}/settings", f"{service}/policies/etc"),
            *(scripts, f"{scripts}?selector=(", f"{scripts}/_new", f"{scripts}/{long}"),
            *(f"{scripts}/{long}/edit", f"{scripts}/{long}/delete", f"{scripts}/{long}/versions/2"),
            f"{scripts}/{long}/versions/1/rollback",
        ):
            _check_page(ada, path)
        ada.open(f"{scripts}/_new")
        ada.fill(name="No", labels="x" * 200, spec='{"text": 1, "' + "m" * 200 + '": 2}')
        ada.press("Make this item")
        _check_shown(ada, "what was refused")


def test_every_page_keeps_to_itself(visitor: Visitor):
    for path in SIGNED_OUT:
        headers = visitor.open(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'"), path
        for part in ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert part in policy, path
        assert "unsafe" not in policy, path
        assert headers["cache-control"] == "no-store", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "{own}"},
    ],
)
def test_a_form_of_another_site_changes_nothing(newcomer: Callable[[str], Visitor], headers: dict[str, str]):
    ada = newcomer("Ada")
    form: dict[str, str | float | bool] = {"key": "1", "alias": "Not mine", "region": "us-1"}

    answer = ada.post(
        "/accounts/new", form, **{name: text.format(own=ada.url) for name, text in headers.items()}
    )

    assert answer.status == 403
    ada.open("/accounts")
    assert ada.page.get_by_role("heading", name="No account yet").count() == 1


@pytest.mark.parametrize(
    ("origin", "status"), [(None, 403), ("https://evil.example", 403), ("null", 403), ("{own}", 303)]
)
def test_where_the_browser_sends_no_fetch_metadata_the_origin_must_be_ours(
    visitor: Visitor, origin: str | None, status: int
):
    headers = {"Origin": origin.format(own=visitor.url)} if origin else {}

    answer = visitor.context.request.post(
        f"{visitor.url}/forgot", form={"email": "nobody@example.com"}, headers=headers, max_redirects=0
    )

    assert answer.status == status


def test_an_input_that_is_there_twice_is_refused(visitor: Visitor):
    answer = visitor.context.request.post(
        f"{visitor.url}/sign-in",
        data=f"email=a@example.com&email=b@example.com&password={PASSWORD}",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"},
    )

    assert answer.status == 400


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_problem_for_programs(visitor: Visitor):
    page = visitor.open("/nowhere")
    program = visitor.context.request.get(f"{visitor.url}/nowhere", headers={"Accept": "application/json"})
    api = visitor.context.request.get(
        f"{visitor.url}/api/nowhere", headers={"Accept": "text/html", "Api-Version": "v1"}
    )

    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (program.status, program.headers["content-type"]) == (404, "application/problem+json")
    assert (api.status, api.headers["content-type"]) == (404, "application/problem+json")


def test_every_problem_has_its_page_and_no_other_code_has_one(visitor: Visitor):
    visitor.open("/problems")
    listed = visitor.page.get_by_role("row").locator("a").all_inner_texts()

    assert sorted(listed) == sorted(CODES)
    assert visitor.open("/problems/last-full-access-user").status == 200
    for code in ("none", "..%2fsecurity", "not-found.md"):
        assert visitor.open(f"/problems/{code}").status == 404


def test_the_reference_has_every_operation_with_a_call_to_copy(visitor: Visitor):
    document = visitor.context.request.get(f"{visitor.url}/openapi.json").json()
    published = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }

    visitor.open("/docs")

    addresses = visitor.page.locator(".operation-address").all_inner_texts()
    assert {" ".join(address.split()) for address in addresses} == published
    assert visitor.page.locator("pre", has_text="curl").count() == len(published)
    problems = visitor.page.locator(".refusals a").evaluate_all("links => links.map(a => a.pathname)")
    assert {path.removeprefix("/problems/") for path in problems} <= set(CODES)
