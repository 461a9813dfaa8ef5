"""Signing in with a second factor, page by page and without script, and showing again who one is on the way to something dangerous."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsing import PASSWORD, Visitor, protect

pytestmark = pytest.mark.browser


def test_a_person_with_an_app_signs_in_and_steps_up(newcomer: Callable[[str], Visitor], tmp_path: Path):
    ada = newcomer("Ada")
    app, codes = protect(ada)
    ada.press("Sign out")
    ada.open("/sign-in?next=/me")
    ada.show_password(ada.address)
    assert ada.heading() == "Your second factor"
    assert "dmi_" not in ada.page.url
    expect(ada.page.get_by_label("Code")).to_have_attribute("autocomplete", "one-time-code")
    ada.fill(code="000000")
    ada.press("Sign in")
    expect(ada.page.get_by_role("alert")).to_contain_text("not right, or was used before")
    expect(ada.page.get_by_role("alert")).to_be_focused()
    ada.page.screenshot(path=tmp_path / "refused.png", full_page=True)
    ada.fill(code=app.next_code())
    ada.press("Sign in")
    assert ada.heading() == "Your profile"
    assert "__Host-domicile-sign-in" not in {cookie.get("name") for cookie in ada.context.cookies()}

    ada.press("Sign out")
    ada.open("/sign-in")
    ada.show_password(ada.address)
    ada.follow("Use a recovery code")
    ada.fill(code=codes[0].lower())
    ada.press("Sign in")
    assert ada.heading() == "Your accounts"


def test_what_is_dangerous_leads_to_showing_again_and_back(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    app, codes = protect(ada)
    before = ada.session

    ada.open("/me/email")
    assert ada.heading() == "Show that it is you"
    ada.fill(code="123")
    ada.press("Go on")
    expect(ada.page.get_by_role("alert")).to_contain_text("not right")
    ada.follow("Use a recovery code")
    ada.fill(code=codes[0])
    ada.press("Go on")
    assert ada.heading() == "Change your e-mail address"
    assert ada.session not in {None, before}
    ada.put_session(before or "")
    ada.open("/me/email")
    assert ada.heading() == "Sign in"
    assert app


def test_steps_out_of_order_begin_anew(visitor: Visitor):
    for path in ("/sign-in/password", "/sign-in/second"):
        visitor.open(path)
        assert visitor.heading() == "Sign in"
        expect(visitor.page.get_by_role("status").first).to_contain_text("Sign in anew")
    visitor.open("/sign-in")
    visitor.fill(email="nobody@example.com")
    visitor.press("Next")
    visitor.open("/sign-in/second")
    assert visitor.heading() == "Your password"
    for _ in range(4):
        visitor.fill(password="not the right password")
        with visitor.page.expect_navigation():
            visitor.press("Sign in")
        expect(visitor.page.get_by_role("alert")).to_contain_text("do not belong together")
    visitor.fill(password="not the right password")
    with visitor.page.expect_navigation():
        visitor.press("Sign in")
    assert visitor.heading() == "Sign in"


@pytest.mark.parametrize("width", [360, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_the_steps_fit(
    newcomer: Callable[[str], Visitor],
    new_visitor: Callable[..., Visitor],
    tmp_path: Path,
    scheme: str,
    width: int,
):
    ada = newcomer("Ada")
    protect(ada)
    visitor = new_visitor(color_scheme=scheme, viewport={"width": width, "height": 720})
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

    def look(name: str, *, scripts: int = 0) -> None:
        assert visitor.page.evaluate(overflow) == 0
        assert visitor.page.locator("script").count() == scripts
        visitor.page.screenshot(path=tmp_path / f"{name}-{scheme}-{width}.png", full_page=True)

    visitor.open("/sign-in")
    look("address", scripts=1)
    visitor.fill(email=ada.address)
    visitor.press("Next")
    visitor.page.wait_for_url("**/sign-in/password*")
    look("password", scripts=1)
    visitor.fill(password=PASSWORD)
    visitor.press("Sign in")
    visitor.page.wait_for_url("**/sign-in/second*")
    look("second")
    visitor.follow("Use a recovery code")
    visitor.page.wait_for_url("**way=recovery-code*")
    look("recovery")
    visitor.put_session(ada.session or "")
    visitor.open("/step-up?next=/me/email")
    look("step-up")
