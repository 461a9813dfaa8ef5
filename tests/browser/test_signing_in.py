"""Signing in and out: by keyboard alone, back to where one was, and over for good."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browsing import PASSWORD, Visitor

pytestmark = pytest.mark.browser


def test_a_person_signs_in_and_out_with_the_keyboard_alone(
    newcomer: Callable[[str], Visitor], new_visitor: Callable[..., Visitor]
):
    address, visitor = newcomer("Ada").address, new_visitor()
    keyboard = visitor.page.keyboard

    visitor.open("/sign-in")
    keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to content")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(visitor.page.get_by_label("E-mail address")).to_be_focused()
    keyboard.type(address)
    keyboard.press("Enter")
    visitor.page.wait_for_url("**/sign-in/password")
    keyboard.press("Tab")
    keyboard.press("Enter")
    for _ in range(2):
        keyboard.press("Tab")
    expect(visitor.page.get_by_label("Password")).to_be_focused()
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    visitor.page.wait_for_url("**/accounts")
    for _ in range(5):
        keyboard.press("Tab")
    expect(visitor.page.get_by_role("button", name="Sign out")).to_be_focused()
    keyboard.press("Enter")

    expect(visitor.page.get_by_role("status").first).to_contain_text("You are signed out")


def test_a_refused_sign_in_keeps_the_address_and_never_the_password(visitor: Visitor):
    visitor.open("/sign-in")
    visitor.show_password("nobody@example.com", "not the password")

    expect(visitor.page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(visitor.page.get_by_role("alert")).to_be_focused()
    expect(visitor.page.get_by_role("main")).to_contain_text("nobody@example.com")
    expect(visitor.page.get_by_label("Password")).to_have_value("")


def test_the_session_cookie_is_out_of_reach_and_new_at_each_sign_in(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    first, kept = ada.session, ada.session_cookie()
    assert first
    assert kept
    flags = [kept.get(flag) for flag in ("httpOnly", "secure", "sameSite", "path", "domain", "expires")]
    assert flags == [True, True, "Lax", "/", "localhost", -1]

    ada.post("/sign-in", {"email": ada.address})
    answer = ada.post("/sign-in/password", {"password": PASSWORD})

    assert answer.status == 303
    assert ada.session not in {None, first}
    ada.put_session(first)
    ada.open("/accounts")
    assert ada.heading() == "Sign in"


def test_signing_out_ends_the_session_at_the_server(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    kept = ada.session
    assert kept

    ada.press("Sign out")

    expect(ada.page.get_by_role("status").first).to_contain_text("You are signed out")
    assert ada.session is None
    ada.put_session(kept)
    ada.open("/me")
    expect(ada.page.get_by_role("status").first).to_contain_text("Your session has ended")


def test_whoever_was_on_the_way_to_a_page_gets_there_after_signing_in(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    account = ada.create_account("Example Labs", "Japan")
    ada.press("Sign out")

    ada.open(f"/accounts/{account}")
    assert ada.heading() == "Sign in"
    ada.show_password(ada.address)

    assert ada.heading() == "Example Labs"


def test_signing_in_leads_to_no_other_site(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.press("Sign out")

    ada.open("/sign-in?next=//evil.example/accounts")
    ada.show_password(ada.address)

    assert ada.page.url == f"{ada.url}/accounts"


def test_a_forgotten_password_is_replaced_by_the_link_in_the_mail_once(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.open("/forgot")
    ada.fill(email=ada.address)
    ada.press("Send the link")
    assert ada.heading() == "Look into your mailbox"
    ada.follow_mail(ada.address, "Choose a new password")
    link = ada.page.url
    ada.fill(password="short")
    ada.press("Set the password")
    expect(ada.page.get_by_role("alert")).to_contain_text("New password must be at least 15 characters long")
    ada.fill(password="seven maps fold a pelican")
    ada.press("Set the password")
    expect(ada.page.get_by_role("status").first).to_contain_text("Your new password is set")

    ada.sign_in(ada.address, "seven maps fold a pelican")

    assert ada.heading() == "Your accounts"
    ada.page.goto(link)
    ada.fill(password="yet another long password")
    ada.press("Set the password")
    assert ada.heading() == "This link no longer works"


def test_a_person_changes_profile_and_password_and_ends_another_session(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.open("/me")
    ada.fill(name="Ada Lovelace")
    ada.page.get_by_label("Time zone").select_option("Asia/Tokyo")
    ada.press("Save")
    expect(ada.page.get_by_role("status").first).to_contain_text("Your profile was changed")
    expect(ada.page.get_by_label("Name", exact=True)).to_have_value("Ada Lovelace")
    expect(ada.page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")

    ada.fill(currentPassword="not the password", newPassword="seven maps fold a pelican")
    ada.press("Change password")
    expect(ada.page.get_by_role("alert")).to_contain_text("not your present password")
    ada.fill(currentPassword=PASSWORD, newPassword="seven maps fold a pelican")
    ada.press("Change password")
    expect(ada.page.get_by_role("status").first).to_contain_text("Your password was changed")

    ada.context.request.post(
        f"{ada.url}/api/sessions",
        headers={"Api-Version": "v1"},
        data={"email": ada.address, "password": "seven maps fold a pelican"},
    )
    ada.open("/me")
    rows = ada.page.get_by_role("row").filter(has=ada.page.get_by_role("button"))
    expect(rows).to_have_count(2)
    rows.filter(has_not_text="This one").get_by_role("button").click()
    expect(ada.page.get_by_role("status").first).to_contain_text("That session has ended")
    expect(rows).to_have_count(1)
