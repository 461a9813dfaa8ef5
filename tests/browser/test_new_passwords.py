"""A password that is chosen: how strong it is shows while it is typed, by the judgement that counts in the end."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Request, expect

from tests.support.browsing import PASSWORD, Visitor, protect

pytestmark = pytest.mark.browser
_CHECK = "**/api/password/check"
_SHORT = "pelican maps"
"""Too short alone, and long enough beside a second factor."""


def _verdict(visitor: Visitor) -> str:
    return visitor.page.locator("[data-word]").inner_text()


def test_a_weak_password_is_told_why_and_a_strong_one_that_it_is(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    told = ada.page.get_by_role("status")
    expect(told).to_have_text("")

    ada.fill(email="ada@example.com", name="Ada Example", password="short")
    expect(told).to_contain_text("Not accepted")
    expect(told).to_contain_text("Password must be at least 15 characters long")
    ada.fill(password="ada.example ada.example")
    expect(told).to_contain_text("Not accepted")
    expect(told).not_to_contain_text("at least 15")
    refused = told.locator("[data-why]").inner_text()
    ada.press("Sign up")
    assert refused.partition(". ")[0].rstrip(".") in ada.page.get_by_role("alert").inner_text()

    ada.fill(password=PASSWORD)
    expect(told).to_contain_text("Strong")
    assert ada.page.locator("meter").evaluate("meter => meter.value") == 5
    ada.fill(password="")
    expect(told).to_have_text("")
    ada.fill(password=PASSWORD)
    ada.press("Sign up")
    assert ada.page.url.endswith("/sign-up/sent")
    assert ada.complaints.all() == []


def test_what_is_typed_into_the_other_fields_changes_what_the_same_password_is_worth(
    new_visitor: Callable[..., Visitor],
):
    ada = new_visitor()
    ada.open("/sign-up")
    told = ada.page.get_by_role("status")
    ada.fill(password="Zorblax-zorblax-77")
    expect(told).to_contain_text("Strong")
    ada.fill(name="Zorblax")
    expect(told).to_contain_text("Password must not be made of your own name")
    ada.fill(name="Ada Example")
    expect(told).to_contain_text("Strong")
    ada.fill(email="q@zorblax.example")
    expect(told).to_contain_text("Password must not be made of your own name or e-mail address")


def test_what_is_too_long_is_told_in_the_words_of_the_form(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    ada.fill(email="ada.long@example.com", name="Ada Example", password=f"{PASSWORD} " * 10)
    told = ada.page.get_by_role("status")
    expect(told).to_contain_text("Not accepted")
    why = "Password must be at most 256 characters long."
    expect(told.locator("[data-why]")).to_have_text(why)
    ada.press("Sign up")
    expect(ada.page.get_by_role("alert")).to_contain_text(why)


def test_the_field_is_described_by_its_rules_and_by_what_is_told(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    field = ada.page.locator("[name=password]")
    expect(field).to_have_accessible_description(re.compile("^At least 15 characters"))
    ada.fill(password="short")
    expect(field).to_have_accessible_description(re.compile("At least 15 characters.*Not accepted.*must be"))


def test_what_the_form_said_of_another_password_makes_way(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    ada.fill(email="ada.again@example.com", name="Ada Example", password="passwordpassword")
    ada.press("Sign up")
    field, said = ada.page.locator("[name=password]"), ada.page.locator("#password-error")
    expect(said).to_contain_text("is a common password")
    expect(field).to_have_attribute("aria-invalid", "true")
    ada.fill(password=PASSWORD)
    expect(ada.page.get_by_role("status")).to_contain_text("Strong")
    expect(said).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("^At least 15 characters.*Strong"))


def test_a_link_to_a_new_password_judges_it_as_its_person_s(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Zorblax")
    protect(ada)
    ada.press("Sign out")
    ada.open("/forgot")
    ada.fill(email=ada.address)
    ada.press("Send the link")
    ada.follow_mail(ada.address, "new password")
    expect(ada.page.get_by_text("At least 8 characters.")).to_be_visible()
    told = ada.page.get_by_role("status")
    ada.fill(password="zorblax-7")
    expect(told).to_contain_text("New password must not be made of your own name")
    why = told.locator("[data-why]").inner_text().partition(". ")[0]
    ada.press("Set the password")
    expect(ada.page.get_by_role("alert")).to_contain_text(why)

    ada.fill(password=_SHORT)
    expect(told).to_have_text(re.compile("Fair|Good|Strong"))
    ada.press("Set the password")
    ada.page.wait_for_url("**/sign-in?done=password-reset")


def test_beside_a_second_factor_the_own_page_asks_for_less(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.open("/me")
    told = ada.page.get_by_role("status")
    ada.fill(newPassword=_SHORT)
    expect(told).to_contain_text("New password must be at least 15 characters long")
    protect(ada)
    ada.open("/me")
    expect(ada.page.get_by_text("At least 8 characters.")).to_be_visible()
    ada.fill(newPassword=_SHORT)
    expect(told).to_have_text(re.compile("Fair|Good|Strong"))
    expect(told).not_to_contain_text("Not accepted")


def test_whoever_is_new_and_invited_sees_it_too(
    newcomer: Callable[[str], Visitor], new_visitor: Callable[..., Visitor]
):
    ada, bea = newcomer("Ada"), new_visitor()
    ada.invite(ada.create_account("Example Labs", "Germany"), "bea.invited@example.com")
    bea.follow_mail("bea.invited@example.com", "invited")
    bea.page.get_by_text("New here?").click()
    told = bea.page.locator("form[action='/sign-up']").get_by_role("status")
    bea.fill(email="bea.invited@example.com", name="Bea Example", password="bea.invited bea")
    expect(told).to_contain_text("Password must not be made of your own name or e-mail address")
    bea.fill(password=PASSWORD)
    expect(told).to_contain_text("Strong")


def test_nothing_is_sent_but_the_password_and_whose_it_is(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.open("/me")
    with ada.page.expect_request(_CHECK) as asked:
        ada.fill(currentPassword=PASSWORD, newPassword="quiet")
    sent: Request = asked.value
    expect(ada.page.get_by_role("status").filter(has_text="Not accepted")).to_be_visible()
    assert json.loads(sent.post_data or "") == {
        "password": "quiet",
        "email": ada.address,
        "name": "Ada Example",
        "mfaEnabled": False,
    }
    assert "cookie" not in sent.all_headers()
    assert ada.complaints.all() == []


def test_what_was_typed_fast_is_asked_about_once_and_the_newest_answer_counts(
    new_visitor: Callable[..., Visitor],
):
    ada = new_visitor()
    ada.open("/sign-up")
    asked: list[str] = []
    ada.page.on(
        "request", lambda request: asked.append(request.post_data or "") if "check" in request.url else None
    )
    ada.page.locator("[name=password]").press_sequentially(PASSWORD, delay=5)
    expect(ada.page.get_by_role("status")).to_contain_text("Strong")
    assert len(asked) <= 3
    assert json.loads(asked[-1])["password"] == PASSWORD


@pytest.mark.parametrize("trouble", ["nobody answers", "too many ask"])
def test_without_an_answer_the_page_says_nothing_and_works(new_visitor: Callable[..., Visitor], trouble: str):
    ada = new_visitor()
    if trouble == "nobody answers":
        ada.page.route(_CHECK, lambda route: route.abort())
    else:
        ada.page.route(_CHECK, lambda route: route.fulfill(status=429, body="{}"))
    ada.open("/sign-up")
    with ada.page.expect_request(_CHECK):
        ada.fill(
            email=f"ada.{trouble.split(maxsplit=1)[0]}@example.com", name="Ada Example", password=PASSWORD
        )
    expect(ada.page.get_by_role("status")).to_have_text("")
    ada.press("Sign up")
    assert ada.page.url.endswith("/sign-up/sent")


def test_without_script_the_rules_are_there_in_words(new_visitor: Callable[..., Visitor]):
    ada = new_visitor(java_script_enabled=False)
    ada.open("/sign-up")
    expect(ada.page.get_by_text("At least 15 characters.")).to_be_visible()
    expect(ada.page.get_by_role("button", name="Show password")).to_have_count(0)
    ada.fill(email="ada.plain@example.com", name="Ada Example", password="short")
    ada.press("Sign up")
    expect(ada.page.get_by_role("alert")).to_contain_text("at least 15 characters")


def test_a_password_is_shown_on_demand_and_sent_as_one(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    field, button = ada.page.locator("[name=password]"), ada.page.get_by_role("button", name="Show password")
    ada.fill(email="ada.shown@example.com", name="Ada Example", password=PASSWORD)
    expect(button).to_have_attribute("aria-pressed", "false")
    field.press("Tab")
    ada.page.keyboard.press("Enter")
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    ada.page.evaluate(
        "document.querySelector('form[action=\"/sign-up\"]').addEventListener('submit', e => e.preventDefault())"
    )
    ada.press("Sign up")
    expect(field).to_have_attribute("type", "password")


def test_a_page_with_the_strength_asks_this_server_alone(new_visitor: Callable[..., Visitor]):
    policy = new_visitor().open("/sign-up").headers["content-security-policy"].split("; ")
    assert "script-src 'self'" in policy and "connect-src 'self'" in policy
    assert not [each for each in policy if "unsafe" in each or "http" in each]


def test_no_script_of_such_a_page_can_make_markup_out_of_text(new_visitor: Callable[..., Visitor]):
    ada = new_visitor()
    ada.open("/sign-up")
    refused = ada.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; return ''; } catch (error) { return error.name; } }"
    )
    assert refused == "TypeError"
    assert any("TrustedHTML" in each for each in ada.complaints.console)
    ada.complaints.console.clear()
