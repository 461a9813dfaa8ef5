"""Accounts in the console: what is shown to whom, what is refused, and that refusals lose nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browsing import Visitor

pytestmark = pytest.mark.browser

Newcomer = Callable[[str], Visitor]
Form = dict[str, str | float | bool]


def test_an_unfinished_creation_says_what_is_missing_and_keeps_what_was_typed(newcomer: Newcomer):
    ada = newcomer("Ada")
    ada.open("/accounts/new")
    ada.fill(alias="Example Labs")
    ada.press("Create account")

    expect(ada.page.get_by_role("alert")).to_contain_text("Region must be one of us-1, de-1, jp-1")
    expect(ada.page.get_by_label("Name of the account")).to_have_value("Example Labs")


def test_the_choice_of_a_region_says_that_it_is_for_ever(visitor: Visitor, newcomer: Newcomer):
    ada = newcomer("Ada")
    ada.open("/accounts/new")

    choice = ada.page.get_by_role("group", name="Region")
    expect(choice).to_contain_text("The region is for ever")
    expect(choice).to_contain_text("can be anywhere in the world")
    expect(ada.page.get_by_role("main")).to_contain_text("One account is enough for many users")


def test_the_same_form_sent_twice_creates_one_account(newcomer: Newcomer):
    ada = newcomer("Ada")
    form: Form = {"key": "drawn-when-the-form-was-shown", "alias": "Example Labs", "region": "jp-1"}

    first, second = (ada.post("/accounts/new", form) for _ in range(2))
    other = ada.post("/accounts/new", {**form, "alias": "Another"})

    assert first.headers["location"] == second.headers["location"]
    assert other.headers["location"] != first.headers["location"]


def test_accounts_of_all_regions_are_in_one_list_each_with_its_region_and_role(newcomer: Newcomer):
    ada = newcomer("Ada")
    for alias, region in [("North", "United States"), ("Middle", "Germany"), ("East", "Japan")]:
        ada.create_account(alias, region)

    ada.open("/accounts")

    for alias, region in [("North", "us-1"), ("Middle", "de-1"), ("East", "jp-1")]:
        row = ada.page.get_by_role("row").filter(has_text=alias)
        expect(row).to_contain_text(region)
        expect(row).to_contain_text("Full access")


def test_an_unknown_account_and_somebody_elses_are_one_page(newcomer: Newcomer):
    account = newcomer("Ada").create_account("Example Labs", "Germany")
    mallory = newcomer("Mallory")

    foreign = mallory.open(f"/accounts/{account}")
    foreign_page = mallory.page.get_by_role("main").inner_html()
    unknown = mallory.open("/accounts/000000000000")

    assert (foreign.status, unknown.status) == (404, 404)
    assert mallory.page.get_by_role("main").inner_html() == foreign_page


def test_the_last_user_with_full_access_can_neither_be_lowered_nor_removed(newcomer: Newcomer):
    ada = newcomer("Ada")
    ada.create_account("Example Labs", "Germany")
    ada.follow("Ada Example")

    ada.page.get_by_role("radio", name="Read only").check()
    ada.press("Change role")
    expect(ada.page.get_by_role("alert")).to_contain_text("last enabled user with full access")
    ada.follow("Remove from this account…")
    assert ada.heading() == "Leave Example Labs?"
    ada.press("Leave this account")

    expect(ada.page.get_by_role("alert")).to_contain_text("last enabled user with full access")


def test_a_disabled_user_cannot_enter_until_enabled_again(newcomer: Newcomer):
    ada, grace = newcomer("Ada"), newcomer("Grace")
    account = ada.create_account("Example Labs", "United States")
    ada.invite(account, grace.address)
    grace.accept()

    ada.open(f"/accounts/{account}")
    ada.follow("Grace Example")
    ada.press("Disable in this account")
    expect(ada.page.get_by_role("status").first).to_contain_text("The change works from now on")
    assert grace.open(f"/accounts/{account}").status == 404
    ada.press("Enable in this account")
    expect(ada.page.get_by_role("status").first).to_contain_text("The change works from now on")

    assert grace.open(f"/accounts/{account}").status == 200


def test_a_change_meant_for_an_older_version_is_refused(newcomer: Newcomer):
    ada = newcomer("Ada")
    account = ada.create_account("Example Labs", "Germany")
    version = ada.page.locator("form[action$=rename] [name=version]").input_value()
    ada.fill(alias="Renamed meanwhile")
    ada.press("Rename")

    late = ada.post(f"/accounts/{account}/rename", {"alias": "Too late", "version": version})

    assert late.status == 412
    assert "Renamed meanwhile" in late.text()


def test_an_invitation_is_refused_beside_the_field_and_revoked_by_its_button(newcomer: Newcomer):
    ada = newcomer("Ada")
    account = ada.create_account("Example Labs", "Germany")
    ada.invite(account, "not an address", role="Full access")
    expect(ada.page.locator("#email-error")).to_contain_text("E-mail address must")
    expect(ada.page.get_by_label("E-mail address")).to_have_value("not an address")
    expect(ada.page.get_by_role("radio", name="Full access")).to_be_checked()

    ada.invite(account, "grace.revoked@example.com")
    ada.page.get_by_role("button", name="Send again").click()
    expect(ada.page.get_by_role("status").first).to_contain_text("sent again")
    ada.page.get_by_role("button", name="Revoke the invitation").click()

    expect(ada.page.get_by_role("status").first).to_contain_text("was revoked")
    expect(ada.page.get_by_role("row").filter(has_text="grace.revoked@example.com")).to_have_count(0)


def test_an_invitation_for_another_address_says_so_and_offers_to_sign_out(newcomer: Newcomer):
    ada, mallory, grace = newcomer("Ada"), newcomer("Mallory"), newcomer("Grace")
    account = ada.create_account("Example Labs", "Germany")
    ada.invite(account, grace.address)

    mallory.follow_mail(grace.address, "invited")
    link = mallory.page.url
    main = mallory.page.get_by_role("main")
    expect(main).to_contain_text(f"You are signed in as {mallory.address}")
    expect(mallory.page.get_by_role("button", name="Accept the invitation")).to_have_count(0)
    refused = mallory.post(link.removeprefix(mallory.url), {})
    assert refused.status == 403
    main.get_by_role("button", name="Sign out").click()

    assert mallory.page.url == link
    expect(main.get_by_role("link", name="Sign in", exact=True)).to_be_visible()


def test_an_invitation_is_good_once(newcomer: Newcomer):
    ada, grace = newcomer("Ada"), newcomer("Grace")
    account = ada.create_account("Example Labs", "Germany")
    ada.invite(account, grace.address)
    grace.follow_mail(grace.address, "invited")
    link = grace.page.url
    grace.press("Accept the invitation")
    expect(grace.page.get_by_role("status").first).to_contain_text("Welcome")

    again = grace.page.goto(link)

    assert again is not None
    assert again.status == 409
    assert grace.heading() == "This invitation was accepted before"


def test_looking_at_a_verification_link_uses_nothing_up(new_visitor: Callable[..., Visitor]):
    grace = new_visitor()
    address = "grace.scanned@example.com"
    grace.open("/sign-up")
    grace.fill(email=address, name="Grace Example", password="a pelican folds seven maps")
    grace.press("Sign up")
    grace.follow_mail(address, "Confirm")
    link = grace.page.url
    for _ in range(2):
        grace.page.goto(link)

    grace.press("Verify my address")
    expect(grace.page.get_by_role("status").first).to_contain_text("Your address is verified")
    grace.page.goto(link)
    grace.press("Verify my address")

    assert grace.heading() == "This link no longer works"


def test_a_known_address_that_signs_up_again_sees_the_same_page(newcomer: Newcomer, visitor: Visitor):
    ada = newcomer("Ada")
    form: Form = {"name": "Somebody", "password": "some quite long password"}

    known = visitor.post("/sign-up", {**form, "email": ada.address})
    unknown = visitor.post("/sign-up", {**form, "email": "never.seen@example.com"})

    assert (known.status, known.headers["location"]) == (303, "/sign-up/sent")
    assert (unknown.status, unknown.headers["location"]) == (303, "/sign-up/sent")
