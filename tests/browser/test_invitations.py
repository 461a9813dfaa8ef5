"""Invitations in the console: links that are handed over, what a link tells whom, and the invited person's own list."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browsing import Visitor

pytestmark = pytest.mark.browser

Newcomer = Callable[[str], Visitor]


def test_a_link_is_shown_once_and_lets_only_the_invited_person_in(
    new_visitor: Callable[..., Visitor], newcomer: Newcomer
):
    ada, grace, mallory, nobody = newcomer("Ada"), newcomer("Grace"), newcomer("Mallory"), new_visitor()
    account = ada.create_account("Example Labs", "Germany")
    ada.open(f"/accounts/{account}")
    ada.fill(email=grace.address)
    ada.press("Get a link instead")
    assert ada.heading() == "Pass this link on"
    link = ada.page.get_by_label("The link").inner_text().strip()
    ada.follow("Back to the account")
    expect(ada.page.get_by_role("row").filter(has_text=grace.address)).to_be_visible()
    assert link not in ada.page.content()

    for stranger in (nobody, mallory):
        stranger.page.goto(link)
        assert stranger.heading() == "Join Example Labs"
        expect(stranger.page.get_by_role("main")).to_contain_text("Ada Example invites somebody")
        assert grace.address not in stranger.page.content()
        expect(stranger.page.get_by_role("button", name="Accept the invitation")).to_have_count(0)
    expect(mallory.page.get_by_role("main")).to_contain_text("this invitation is for another address")
    refused = mallory.post(link.removeprefix(mallory.url), {})
    assert refused.status == 403

    grace.page.goto(link)
    main = grace.page.get_by_role("main")
    for told in ("Example Labs", "Germany", "Read only", "Audit: read only", "Ada Example invites you"):
        expect(main).to_contain_text(told)
    grace.page.get_by_role("button", name="Accept the invitation").focus()
    grace.page.keyboard.press("Enter")
    expect(grace.page.get_by_role("status").first).to_contain_text("Welcome")
    assert grace.heading() == "Example Labs"


def test_a_new_link_ends_the_one_before(newcomer: Newcomer):
    ada, grace = newcomer("Ada"), newcomer("Grace")
    account = ada.create_account("Example Labs", "Germany")
    ada.open(f"/accounts/{account}")
    ada.fill(email=grace.address)
    ada.press("Get a link instead")
    first = ada.page.get_by_label("The link").inner_text().strip()
    ada.follow("Back to the account")
    ada.page.get_by_role("button", name=f"New link for {grace.address}").click()
    second = ada.page.get_by_label("The link").inner_text().strip()

    grace.page.goto(first)
    assert grace.heading() == "This invitation no longer works"
    grace.page.goto(second)
    assert grace.heading() == "Join Example Labs"


def test_invitations_wait_among_ones_accounts_and_can_be_accepted_or_declined_there(newcomer: Newcomer):
    ada, bob, grace = newcomer("Ada"), newcomer("Bob"), newcomer("Grace")
    labs, works = ada.create_account("Example Labs", "Germany"), bob.create_account("Bobs Works", "Japan")
    ada.invite(labs, grace.address)
    bob.invite(works, grace.address, "Full access")

    grace.open("/accounts")
    expect(grace.page.get_by_role("heading", name="Invitations to you")).to_be_visible()
    grace.page.get_by_role("button", name="Decline the invitation to Bobs Works").click()
    expect(grace.page.get_by_role("status").first).to_contain_text("declined")
    expect(grace.page.get_by_role("row").filter(has_text="Bobs Works")).to_have_count(0)
    grace.page.get_by_role("button", name="Accept the invitation to Example Labs").click()
    expect(grace.page.get_by_role("status").first).to_contain_text("Welcome")

    grace.open("/accounts")
    expect(grace.page.get_by_role("heading", name="Invitations to you")).to_have_count(0)
    expect(grace.page.get_by_role("row").filter(has_text="Example Labs")).to_contain_text("Read only")
    bob.open(f"/accounts/{works}")
    expect(bob.page.get_by_role("row").filter(has_text=grace.address)).to_have_count(0)


def test_the_page_of_a_link_has_a_second_button_to_decline(newcomer: Newcomer):
    ada, grace = newcomer("Ada"), newcomer("Grace")
    account = ada.create_account("Example Labs", "Germany")
    ada.invite(account, grace.address)
    grace.follow_mail(grace.address, "invited")
    link = grace.page.url
    grace.press("Decline")

    expect(grace.page.get_by_role("status").first).to_contain_text("declined")
    grace.page.goto(link)
    assert grace.heading() == "This invitation no longer works"


def test_a_form_of_another_site_answers_no_invitation(newcomer: Newcomer):
    ada, grace = newcomer("Ada"), newcomer("Grace")
    account = ada.create_account("Example Labs", "Germany")
    ada.invite(account, grace.address)
    grace.follow_mail(grace.address, "invited")
    path = grace.page.url.removeprefix(grace.url)

    for act in (path, f"{path}/decline"):
        assert grace.post(act, {}, Sec_Fetch_Site="cross-site").status == 403
        answer = grace.open(act) if act != path else None
        assert answer is None or answer.status in {404, 405}
    grace.open(path)
    expect(grace.page.get_by_role("button", name="Accept the invitation")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_a_link_fits_360_pixels_in_both_schemes(
    new_visitor: Callable[..., Visitor], newcomer: Newcomer, scheme: str
):
    ada = newcomer("Ada")
    narrow = new_visitor(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    account = ada.create_account("A" * 60 + " " + "Example Labs with a long name", "Germany")
    ada.open(f"/accounts/{account}")
    ada.fill(email="somebody@example.com")
    ada.press("Get a link instead")
    narrow.page.goto(ada.page.get_by_label("The link").inner_text().strip())

    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 360
    for element in narrow.page.get_by_role("main").locator("h1, dd, a.button").all():
        box = element.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
