"""Another address, one's data, and leaving, as a person at a browser does it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsing import PASSWORD, Visitor

pytestmark = pytest.mark.browser


def see(visitor: Visitor, tmp_path: Path, name: str) -> None:
    """Keep a picture of the page for whoever looks into the folder of a failed run."""
    visitor.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


def test_a_person_changes_their_address_with_the_link_in_the_mail(
    newcomer: Callable[[str], Visitor], tmp_path: Path
):
    ada = newcomer("Ada")
    new = f"new.{ada.address}"
    ada.open("/me")
    see(ada, tmp_path, "me")
    ada.follow("Change")
    ada.fill(email=new, password=PASSWORD)
    see(ada, tmp_path, "email")
    ada.press("Send the link")
    expect(ada.page.get_by_role("status").first).to_contain_text("on its way to your new address")
    expect(ada.page.get_by_role("main")).to_contain_text(f"Open the link in the mail to {new}")
    see(ada, tmp_path, "pending")

    ada.follow_mail(new, "Confirm your new email address")
    see(ada, tmp_path, "prove")
    ada.press("Use this address")

    expect(ada.page.get_by_role("status").first).to_contain_text("Your new e-mail address is in place")
    expect(ada.page.get_by_role("main")).to_contain_text(new)


def test_the_holder_of_the_former_address_takes_it_back(
    newcomer: Callable[[str], Visitor], new_visitor: Callable[..., Visitor], tmp_path: Path
):
    ada, owner = newcomer("Ada"), new_visitor()
    new = f"thief.{ada.address}"
    ada.post("/me/email", {"email": new, "password": PASSWORD})
    ada.follow_mail(new, "Confirm your new email address")
    ada.press("Use this address")

    owner.follow_mail(ada.address, "Your email address was changed")
    expect(owner.page.get_by_role("heading", level=1)).to_have_text("Was it not you?")
    see(owner, tmp_path, "undo")
    ada.open("/me")
    expect(ada.page.get_by_role("main")).to_contain_text(new)
    owner.press("That was not me")

    expect(owner.page.get_by_role("status").first).to_contain_text("Your address is yours again")
    ada.open("/me")
    assert ada.heading() == "Sign in"
    owner.follow_mail(ada.address, "Choose a new password")


def test_a_refused_change_keeps_the_address_and_never_the_password(newcomer: Callable[[str], Visitor]):
    ada = newcomer("Ada")
    ada.open("/me/email")
    ada.fill(email="no address", password="wrong")
    ada.press("Send the link")

    expect(ada.page.get_by_role("alert")).to_contain_text("New e-mail address")
    expect(ada.page.get_by_label("Present password")).to_have_value("")


def test_a_person_takes_their_data_along(newcomer: Callable[[str], Visitor], tmp_path: Path):
    ada = newcomer("Ada")
    ada.post("/accounts/new", {"alias": "Ada Labs", "region": "de-1"})
    ada.open("/me/data")
    see(ada, tmp_path, "data")
    ada.fill(password=PASSWORD)

    with ada.page.expect_download() as of_person:
        ada.press("Download domicile-person.json")
    assert json.loads(Path(of_person.value.path()).read_text())["profile"]["email"] == ada.address
    with ada.page.expect_download() as of_region:
        ada.page.get_by_role("link", name="domicile-de-1.json").click()
    part = json.loads(Path(of_region.value.path()).read_text())
    assert [place["alias"] for place in part["accounts"]] == ["Ada Labs"]


def test_the_last_owner_is_told_what_to_do_first(newcomer: Callable[[str], Visitor], tmp_path: Path):
    ada = newcomer("Ada")
    ada.post("/accounts/new", {"alias": "Ada Labs", "region": "de-1"})
    ada.open("/me/delete")
    see(ada, tmp_path, "delete")
    ada.fill(address=ada.address, password=PASSWORD)
    ada.press("Delete my user")

    main = ada.page.get_by_role("main")
    expect(main).to_contain_text("These accounts would be left without an owner")
    see(ada, tmp_path, "blocked")
    ada.follow("Ada Labs")
    expect(ada.page).to_have_url(re.compile(r"/accounts/\d{12}"))


def test_a_person_deletes_their_user_by_typing_their_address(
    newcomer: Callable[[str], Visitor], tmp_path: Path
):
    ada = newcomer("Ada")
    ada.open("/me")
    ada.follow("Delete my user")
    ada.fill(address="somebody@example.com", password=PASSWORD)
    ada.press("Delete my user")
    expect(ada.page.get_by_role("alert")).to_contain_text("Your e-mail address")
    see(ada, tmp_path, "mistyped")
    ada.fill(address=ada.address.upper(), password=PASSWORD)
    ada.press("Delete my user")

    expect(ada.page.get_by_role("status").first).to_contain_text("Your user is deleted")
    ada.show_password(ada.address)
    expect(ada.page.get_by_role("alert")).to_contain_text("do not belong together")
