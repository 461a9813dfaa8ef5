"""The way of the README's newcomer, click by click."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browsing import PASSWORD, Visitor

pytestmark = pytest.mark.browser


def test_a_newcomer_creates_an_account_and_invites_a_reader_whose_access_then_grows_and_ends(
    new_visitor: Callable[..., Visitor],
):
    ada, grace = new_visitor(), new_visitor()

    ada.open("/")
    ada.follow("Sign up")
    ada.fill(email="ada@example.com", name="Ada Example", password=PASSWORD)
    ada.press("Sign up")
    assert ada.heading() == "Look into your mailbox"
    ada.page.get_by_role("main").get_by_role("link", name="mailbox", exact=True).click()
    ada.follow_mail("ada@example.com", "Confirm")
    ada.press("Verify my address")
    expect(ada.page.get_by_role("status").first).to_contain_text("Your address is verified")
    ada.show_password("ada@example.com")
    expect(ada.page.get_by_role("heading", name="No account yet")).to_be_visible()

    ada.follow("Create account")
    ada.fill(alias="Example Labs")
    ada.page.get_by_role("radio", name="Germany").check()
    ada.press("Create account")
    expect(ada.page.get_by_role("status").first).to_contain_text("The account was created")
    assert ada.heading() == "Example Labs"
    account = ada.page.url.partition("?")[0]
    expect(ada.page.locator(".account-bar .region")).to_contain_text("de-1")

    ada.fill(email="grace@example.com")
    ada.press("Send invitation")
    expect(ada.page.get_by_role("status").first).to_contain_text("on its way")
    expect(ada.page.get_by_role("row").filter(has_text="grace@example.com")).to_contain_text("Read only")

    grace.follow_mail("grace@example.com", "invited")
    assert grace.heading() == "Join Example Labs"
    invitation = grace.page.url
    grace.page.get_by_text("New here?").click()
    grace.fill(email="grace@example.com", name="Grace Example", password=PASSWORD)
    grace.press("Sign up")
    grace.follow_mail("grace@example.com", "Confirm")
    grace.press("Verify my address")
    grace.page.goto(invitation)
    grace.page.get_by_role("main").get_by_role("link", name="Sign in", exact=True).click()
    grace.show_password("grace@example.com")
    assert grace.page.url == invitation
    grace.press("Accept the invitation")
    expect(grace.page.get_by_role("status").first).to_contain_text("Welcome")
    assert grace.heading() == "Example Labs"

    expect(grace.page.get_by_role("main")).to_contain_text("Your role here is Read only")
    expect(grace.page.get_by_role("button", name="Send invitation")).to_have_count(0)
    expect(grace.page.get_by_role("button", name="Rename")).to_have_count(0)
    path = account.removeprefix(grace.url)
    refused = grace.post(f"{path}/rename", {"alias": "Mine", "version": "1"})
    assert refused.status == 403
    assert "does not allow identity:account:update" in refused.text()

    ada.page.goto(account)
    assert ada.heading() == "Example Labs"
    ada.follow("Grace Example")
    ada.page.get_by_role("radio", name="Full access").check()
    ada.press("Change role")
    expect(ada.page.get_by_role("status").first).to_contain_text("The change works from now on")

    grace.page.goto(account)
    grace.fill(alias="Example Laboratories")
    grace.press("Rename")
    expect(grace.page.get_by_role("status").first).to_contain_text("The account was renamed")
    assert grace.heading() == "Example Laboratories"

    ada.follow("Remove from this account…")
    assert ada.heading() == "Remove Grace Example from Example Laboratories?"
    ada.press("Remove from this account")
    expect(ada.page.get_by_role("status").first).to_contain_text("The user was removed")

    grace.follow("Grace Example")
    assert grace.heading() == "There is no such page"
    gone = grace.page.goto(account)
    assert gone is not None
    assert gone.status == 404
    grace.follow("To your accounts")
    expect(grace.page.get_by_role("heading", name="No account yet")).to_be_visible()
